from django.urls import path

from runs.views import (
    actions,
    compare,
    documentation,
    project_settings,
    projects,
    run_changes,
    run_list,
    run_page,
    run_parts,
    run_report,
    trends,
)

app_name = "runs"
urlpatterns = [
    path("", projects.home, name="home"),
    path("projects/<slug:slug>/", run_list.run_list, name="run-list"),
    path("projects/<slug:slug>/actions/", actions.action_list, name="action-list"),
    path("projects/<slug:slug>/views/save/", run_list.save_view, name="view-save"),
    path(
        "projects/<slug:slug>/views/<int:view_id>/remove/", run_list.remove_view, name="view-remove"
    ),
    path("projects/<slug:slug>/settings/", project_settings.settings_page, name="settings"),
    path("projects/<slug:slug>/audit/", project_settings.audit_page, name="audit"),
    path(
        "projects/<slug:slug>/settings/<slug:what>/change/",
        project_settings.change_settings,
        name="settings-change",
    ),
    path("projects/<slug:slug>/members/set/", project_settings.set_member, name="member-set"),
    path(
        "projects/<slug:slug>/members/<int:member_id>/remove/",
        project_settings.remove_member,
        name="member-remove",
    ),
    path("projects/<slug:slug>/webhooks/add/", project_settings.add_webhook, name="webhook-add"),
    path(
        "projects/<slug:slug>/webhooks/<int:webhook_id>/remove/",
        project_settings.remove_webhook,
        name="webhook-remove",
    ),
    path("projects/<slug:slug>/trends/", trends.trend_page, name="trends"),
    path("projects/<slug:slug>/markers/add/", trends.add_marker, name="marker-add"),
    path(
        "projects/<slug:slug>/markers/<int:marker_id>/remove/",
        trends.remove_marker,
        name="marker-remove",
    ),
    path("projects/<slug:slug>/deleted/", run_changes.deleted_runs, name="deleted-runs"),
    path("runs/<uuid:run_id>/", run_page.run_page, name="run"),
    path("runs/<uuid:run_id>/delete/", run_changes.delete_run, name="run-delete"),
    path("runs/<uuid:run_id>/restore/", run_changes.restore_run, name="run-restore"),
    path("runs/<uuid:run_id>/change/<slug:what>/", run_changes.change_run, name="run-change"),
    path("runs/<uuid:run_id>/live/", run_parts.run_live, name="run-live"),
    path("runs/<uuid:run_id>/report.html", run_report.run_report, name="run-report"),
    path("runs/<uuid:run_id>/part/<slug:name>/", run_parts.run_part, name="run-part"),
    path("shared/<slug:key>/", run_report.shared_report, name="shared"),
    path("compare/", compare.compare, name="compare"),
    path("actions/<int:action_id>/", actions.action_page, name="action"),
    path("actions/<int:action_id>/state/", actions.change_state, name="action-state"),
    path("help/", documentation.help_index, name="help"),
    path("help/<slug:name>/", documentation.help_page, name="help-page"),
]
