from django.urls import path

from runs.views import actions, compare, documentation, projects, run_list, run_page

app_name = "runs"
urlpatterns = [
    path("", projects.home, name="home"),
    path("projects/<slug:slug>/", run_list.run_list, name="run-list"),
    path("projects/<slug:slug>/actions/", actions.action_list, name="action-list"),
    path("runs/<uuid:run_id>/", run_page.run_page, name="run"),
    path("compare/", compare.compare, name="compare"),
    path("actions/<int:action_id>/", actions.action_page, name="action"),
    path("actions/<int:action_id>/state/", actions.change_state, name="action-state"),
    path("help/", documentation.help_index, name="help"),
    path("help/<slug:name>/", documentation.help_page, name="help-page"),
]
