from django.urls import path

from runs.views import (
    action_form,
    actions,
    badge,
    campaign_report,
    compare,
    documentation,
    ledger,
    plan,
    projects,
    run_list,
    run_page,
)

app_name = "runs"
urlpatterns = [
    path("", projects.home, name="home"),
    path("projects/<slug:slug>/", run_list.run_list, name="run-list"),
    path("projects/<slug:slug>/actions/", actions.action_list, name="action-list"),
    path("runs/<uuid:run_id>/", run_page.run_page, name="run"),
    path("compare/", compare.compare, name="compare"),
    path("actions/<int:action_id>/", actions.action_page, name="action"),
    path("actions/<int:action_id>/state/", actions.change_state, name="action-state"),
    path("actions/<int:action_id>/edit/", action_form.edit_action, name="action-edit"),
    path("actions/<int:action_id>/comments/", actions.add_comment, name="action-comment"),
    path("projects/<slug:slug>/actions/new/", action_form.new_action, name="action-new"),
    path("projects/<slug:slug>/plan/", plan.campaign_plan, name="campaign-plan"),
    path("projects/<slug:slug>/ledger/", ledger.ledger_page, name="ledger"),
    path("projects/<slug:slug>/report/", campaign_report.report_page, name="campaign-report"),
    path("runs/<uuid:run_id>/plan/", plan.run_plan, name="run-plan"),
    path("runs/<uuid:run_id>/plan/accept/", plan.accept, name="plan-accept"),
    path("badge/<str:key>.svg", badge.badge, name="badge"),
    path("help/", documentation.help_index, name="help"),
    path("help/<slug:name>/", documentation.help_page, name="help-page"),
]
