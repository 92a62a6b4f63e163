"""Flask, Django and raw apps, each inside `wsgiref.validate`; complaints go to the journal."""

import traceback
import warnings
from wsgiref.validate import validator

import control

warnings.simplefilter("error")


def watched(name, app):
    """The app inside the validator, every complaint noted and shown as a 599."""
    checked = validator(app)

    def complain(problem):
        control.note(f"complaint {name} {type(problem).__name__}: {problem}")

    class Watched:
        def __init__(self, iterable):
            self.iterable = iterable
            self.iterator = iter(iterable)

        def __iter__(self):
            return self

        def __next__(self):
            try:
                return next(self.iterator)
            except StopIteration:
                raise
            except Exception as problem:
                complain(problem)
                raise

        def close(self):
            try:
                self.iterable.close()
            except Exception as problem:
                complain(problem)
                raise
            control.note(f"closed {name}")

    def call(environ, start_response):
        # With this key Werkzeug reads without a size, which the validator does not allow its app.
        environ.pop("wsgi.input_terminated", None)
        try:
            return Watched(checked(environ, start_response))
        except Exception as problem:
            complain(problem)
            traceback.print_exc()
            raise

    return call


def raw(environ, start_response):
    """Uses all that a WSGI app may use."""
    stream = environ["wsgi.input"]
    body = b""
    if environ["REQUEST_METHOD"] == "POST":
        body = stream.readline(5) + b"".join(stream.readlines()[:1]) + stream.read(3)
        for line in stream:
            body += line
    environ["wsgi.errors"].write("raw app writes\n")
    environ["wsgi.errors"].flush()
    status = "204 No Content" if environ["PATH_INFO"] == "/204" else "200 OK"
    headers = [] if status.startswith("204") else [("Content-Type", "text/plain")]
    write = start_response(status, headers)
    if environ["PATH_INFO"] == "/write":
        write(b"written ")
    return [] if status.startswith("204") else [b"raw ", body]


def make_flask():
    from flask import Flask, Response, request

    flask_app = Flask("frameworks")

    @flask_app.route("/", methods=["GET", "POST"])
    def index():
        if request.method == "POST":
            return {"form": request.form.to_dict(), "files": {k: len(f.read()) for k, f in request.files.items()}}
        return f"flask {request.args.get('q', '')} {request.url}"

    @flask_app.route("/stream")
    def stream():
        return Response((f"piece {n}\n" for n in range(5)), mimetype="text/plain")

    @flask_app.route("/file")
    def file():
        from flask import send_file

        return send_file(__file__, mimetype="text/plain")

    @flask_app.route("/empty")
    def empty():
        response = Response(status=204)
        del response.headers["Content-Type"]
        return response

    @flask_app.route("/caf\xe9/<name>")
    def cafe(name):
        return f"caf\xe9 {name}"

    return flask_app


def make_django():
    import django
    from django.conf import settings

    settings.configure(
        DEBUG=False,
        SECRET_KEY="tests only",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="django_urls",
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions"],
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        USE_TZ=True,
    )
    django.setup()
    from django.core.handlers.wsgi import WSGIHandler

    return WSGIHandler()


APPS = {"raw": watched("raw", raw), "flask": watched("flask", make_flask())}
with warnings.catch_warnings():
    warnings.simplefilter("default")
    APPS["django"] = watched("django", make_django())


def app(environ, start_response):
    """The first part of the path chooses the app and moves to SCRIPT_NAME."""
    _, name, *rest = environ["PATH_INFO"].split("/", 2)
    environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + "/" + name
    environ["PATH_INFO"] = "/" + "/".join(rest)
    return APPS[name](environ, start_response)
