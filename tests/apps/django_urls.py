"""The URLs of the Django app in `frameworks`."""

from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path


def index(request):
    if request.method == "POST":
        return JsonResponse({"form": request.POST.dict(), "files": {k: f.size for k, f in request.FILES.items()}})
    return HttpResponse(f"django {request.GET.get('q', '')} {request.build_absolute_uri()}")


def stream(_request):
    return StreamingHttpResponse((f"piece {n}\n" for n in range(5)), content_type="text/plain")


def file(_request):
    return FileResponse(open(__file__, "rb"), content_type="text/plain")


def empty(_request):
    response = HttpResponse(status=204)
    del response["Content-Type"]
    return response


def cafe(_request, name):
    return HttpResponse(f"caf\xe9 {name}")


urlpatterns = [
    path("", index),
    path("stream", stream),
    path("file", file),
    path("empty", empty),
    path("caf\xe9/<str:name>", cafe),
]
