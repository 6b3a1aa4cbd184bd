"""Routes of working time."""

from django.urls import path

from worktime.views import clocking, exports, records, stats, team

urlpatterns = [
    path("worktime/", records.WorkTimeListView.as_view()),
    path("worktime/<int:worktime_id>/", records.WorkTimeView.as_view()),
    path("worktime/<int:worktime_id>/revisions/", records.RevisionListView.as_view()),
    path("worktime/start/", clocking.StartView.as_view()),
    path("worktime/stop/", clocking.StopView.as_view()),
    path("worktime/active/", clocking.ActiveView.as_view()),
    path("worktime/stats/", stats.StatsView.as_view()),
    path("worktime/export/", exports.ExportView.as_view()),
    path("team-worktime/active/", team.TeamActiveView.as_view()),
    path("team-worktime/stop/", team.TeamStopView.as_view()),
    path("team-worktime/overtime/", team.OvertimeView.as_view()),
]
