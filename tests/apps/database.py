"""A Django app on PostgreSQL: DRIVER says by which of the two drivers, DATABASE where the server's socket is."""

import os
import sys

if os.environ["DRIVER"] == "psycopg2":
    # Django takes psycopg 3 where it is installed.
    sys.modules["psycopg"] = None

import control
import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import DataError, connection
from django.http import HttpResponse
from django.urls import path

settings.configure(
    DEBUG=False,
    SECRET_KEY="tests only",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": os.environ["DATABASE"],
            "NAME": "postgres",
            "USER": "postgres",
            "OPTIONS": {"connect_timeout": 20},
        }
    },
)
django.setup()


def sleep(request):
    """Let the database sleep; the answer names the driver and the connection's server process."""
    with connection.cursor() as cursor:
        with control.together("sleep"):
            cursor.execute("SELECT pg_sleep(%s), pg_backend_pid()", [float(request.GET["seconds"])])
        pid = cursor.fetchone()[1]
    return HttpResponse(f"{connection.Database.__name__} {pid}")


def fails(_request):
    """A query that the database refuses."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
    except DataError as error:
        return HttpResponse(str(error))


def connect(request):
    """Connect to a server that may be silent, for two seconds."""
    try:
        with control.together("connect"):
            connection.Database.connect(f"host=127.0.0.1 port={request.GET['port']} dbname=x user=x connect_timeout=2")
    except connection.Database.OperationalError as error:
        return HttpResponse(str(error))


urlpatterns = [path("sleep", sleep), path("fails", fails), path("connect", connect)]
django_app = WSGIHandler()


def app(environ, start_response):
    """Django, but for what the tests ask about it."""
    answers = control.most_together if environ["PATH_INFO"] == "/most" else django_app
    return answers(environ, start_response)
