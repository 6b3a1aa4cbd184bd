"""Two views to compare with: the least that an answer costs, and that of who is signed in."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path


def static(request: HttpRequest) -> HttpResponse:
    """Answer always the same."""
    answer = JsonResponse(
        {"id": 1, "username": "alice", "active_role": {"id": 1, "name": "Member"}}
    )
    answer["Content-Length"] = len(answer.content)  # else the server sends it in chunks
    return answer


def session(request: HttpRequest) -> HttpResponse:
    """Answer who the session belongs to."""
    user = request.user
    return JsonResponse({"id": user.pk, "username": user.get_username()})


urlpatterns = [path("static/", static), path("session/", session)]
# What a benchmark's site asks for until a server answers.
urlpatterns += [path("livez", static)]
