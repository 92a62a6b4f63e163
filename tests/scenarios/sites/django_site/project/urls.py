"""Views that block on IO."""

import os
import threading

import control
from django.http import HttpResponse
from django.urls import path


def index(request):
    return HttpResponse(f"index {request.session.get('visits', 0)}")


def slow(request):
    """Waits for something outside, as a view does that asks a database or a service."""
    control.note(f"slow {os.getpid()} {threading.get_ident()}")
    control.wait_at("outside")
    return HttpResponse(f"slow {os.getpid()}")


urlpatterns = [path("", index), path("slow", slow)]
