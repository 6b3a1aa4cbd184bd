"""Routes of saved filters."""

from django.urls import path

from filterlists.views import groups, lists, tables

urlpatterns = [
    path("filter-lists/", lists.FilterListsView.as_view()),
    path("filter-lists/reorder/", lists.ReorderView.as_view()),
    path("filter-lists/tables/", tables.TablesView.as_view()),
    path("filter-lists/<int:list_id>/", lists.FilterListView.as_view()),
    path("filter-groups/", groups.FilterGroupsView.as_view()),
    path("filter-groups/<int:group_id>/", groups.FilterGroupView.as_view()),
    path("table-settings/<str:table>/", tables.TableSettingsView.as_view()),
]
