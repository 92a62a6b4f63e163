"""Projects of the shape that well-known ones have, and the uWSGI files that such projects come with.

The files are our own: they have the options, the order and the habits of those that are found in the wild.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MANAGE = """#!/bin/sh
# Stands for Django's manage.py: `migrate` and jobs end, daemons stay until they are told to go.
echo "$@" >> "$TEST_HOME/managed"
case "$1" in
    sendalerts|sendreports|smtpd|qcluster|rundaemon) exec sleep 600 ;;
esac
"""


def django(package: str, words: str) -> dict[str, str]:
    """A Django project with settings, urls and wsgi modules in a package."""
    return {
        f"{package}/__init__.py": "",
        f"{package}/settings.py": (
            'SECRET_KEY = "tests only"\nALLOWED_HOSTS = ["*"]\nDEBUG = False\n'
            f'ROOT_URLCONF = "{package}.urls"\nSTATIC_URL = "/static/"\n'
            'DEFAULT_AUTO_FIELD = "django.db.models.AutoField"\n'
            'INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth"]\n'
            'MIDDLEWARE = ["django.middleware.security.SecurityMiddleware", '
            '"django.middleware.common.CommonMiddleware"]\n'
        ),
        f"{package}/urls.py": (
            "from django.http import HttpResponse\nfrom django.urls import path\n"
            f"urlpatterns = [path('', lambda request: HttpResponse('{words}'))]\n"
        ),
        f"{package}/wsgi.py": (
            "import os\n\nfrom django.core.wsgi import get_wsgi_application\n\n"
            f'os.environ.setdefault("DJANGO_SETTINGS_MODULE", "{package}.settings")\n'
            "application = get_wsgi_application()\n"
        ),
        "manage.py": MANAGE,
    }


def flask(name: str, words: str) -> str:
    """The text of a module with a Flask app of this name."""
    return (
        f"from flask import Flask\n\n{name} = Flask(__name__)\n\n\n"
        f'@{name}.route("/")\ndef index():\n    return "{words}"\n'
    )


@dataclass(frozen=True)
class Shape:
    """A project, its uWSGI file, and what a visitor sees."""

    ini: str
    files: dict[str, str]
    answer: str
    variables: dict[str, str] = field(default_factory=dict)
    static: tuple[str, str] | None = None  # a path that the server itself is to serve, and what is there
    options: tuple[str, ...] = ()  # what the image adds on the command line


SHAPES = {
    "monitor": Shape(
        ini="""[uwsgi]
strict
master
die-on-term
if-not-env = USE_IPV6
http-socket = 127.0.0.1:0
endif =
if-env = USE_IPV6
http-socket = [::1]:0
endif =
harakiri = 10
buffer-size = 32768
post-buffering = 16192
if-not-env = UWSGI_PROCESSES
processes = 2
endif =
auto-procname
enable-threads
threads = 1
chdir = monitor
module = hc.wsgi:application
thunder-lock
disable-write-exception
# the daemon needs few descriptors
max-fd = 10000
check-static = static-collected/
static-gzip-dir = static-collected/CACHE
hook-pre-app = exec:./manage.py migrate
attach-daemon = ./manage.py sendalerts --skip-checks
attach-daemon = ./manage.py sendreports --loop --skip-checks
if-env = SMTPD_PORT
attach-daemon = ./manage.py smtpd --port %(_) --skip-checks
endif =
""",
        files={f"monitor/{name}": text for name, text in django("hc", "all checks are up").items()}
        | {"monitor/static-collected/logo.txt": "logo"},
        answer="all checks are up",
        static=("/logo.txt", "logo"),
    ),
    "mailing-lists": Shape(
        ini="""[uwsgi]
# two doors: the web server's, and one for health checks
uwsgi-socket = 127.0.0.1:0
http-socket = 127.0.0.1:0
enable-threads = true
buffer-size = 8190
chdir = lists
wsgi-file = wsgi.py
master = true
processes = 2
threads = 2
uid = %U
gid = %G
attach-daemon = ./manage.py qcluster
unique-cron = 0 -1 -1 -1 -1 ./manage.py runjobs minutely
unique-cron = -15 -1 -1 -1 -1 ./manage.py runjobs quarter_hourly
unique-cron = 0 0 -1 -1 0 ./manage.py runjobs weekly
req-logger = file:%d/requests.log
logger = cron file:%d/cron.log
log-route = cron uwsgi-cron
logger = qcluster file:%d/qcluster.log
log-route = qcluster uwsgi-daemons
logger = file:%d/rest.log
""",
        files={
            f"lists/{name.removeprefix('archive/') if name.endswith('wsgi.py') else name}": text
            for name, text in django("archive", "no new mail").items()
        },
        answer="no new mail",
    ),
    "inventory": Shape(
        ini="""[uwsgi]
; bind to the given address; the web server speaks the uwsgi protocol
socket = 127.0.0.1:0
; fail to start if any parameter isn't understood
strict = true
master = true
; clear environment on exit
vacuum = true
; make SIGTERM stop the app (instead of reload)
die-on-term = true
need-app = true
single-interpreter = true
chdir = inventory
module = inventory.wsgi
; a workaround for reloads
binary-path = venv/bin/python
disable-logging = true
log-5xx = true
""",
        files={f"inventory/{name}": text for name, text in django("inventory", "three racks").items()},
        answer="three racks",
    ),
    "courses": Shape(
        ini="""[uwsgi]
static-map = /static=%d/staticfiles
static-map = /media=%d/media
http = 127.0.0.1:0
buffer-size = 8192
wsgi-file = $(SERVICE_VARIANT)/wsgi.py
processes = $(UWSGI_WORKERS)
thunder-lock = true
single-interpreter = true
enable-threads = true
# Reload workers regularly to keep memory usage in check
max-requests = 1000
max-worker-lifetime = 3600
reload-on-rss = 2048
worker-reload-mercy = 60
lazy-apps = true
die-on-term = true
vacuum = true
need-app = true
py-call-osafterfork = true
# Do not log heartbeats
route-uri = ^/heartbeat donotlog:
""",
        files=django("lms", "learn") | {"staticfiles/style.css": "a {}", "media/x": ""},
        answer="learn",
        variables={"SERVICE_VARIANT": "lms", "UWSGI_WORKERS": "2"},
        static=("/static/style.css", "a {}"),
    ),
    "search": Shape(
        ini="""[uwsgi]
http = 127.0.0.1:0
uid = %U
gid = %G
workers = 2
chmod-socket = 666
single-interpreter = true
master = true
plugin = python3
lazy-apps = true
enable-threads = true
env = LANG=C.UTF-8
env = SEARCH_SETTINGS=%d/settings.yml
module = search.webapp
callable = app
pythonpath = %d/src/
chdir = %d/src/search/
# Privacy
disable-logging=True
touch-logrotate = %d/rotate
unique-cron = 15 0 -1 -1 -1 { touch %d/rotate  }
log-backupname = %d/search.log.1
logto = %d/search.log
add-header = Connection: close
# expires set to one day
static-map = /static=%d/src/search/static
static-expires = /* 864000
static-gzip-all = True
offload-threads = %k
cache2 = name=searchcache,items=200,blocks=200,blocksize=4096,bitmap=1
""",
        files={
            "src/search/__init__.py": "",
            "src/search/webapp.py": flask("app", "found it"),
            "src/search/static/a.js": "1",
            "rotate": "",
        },
        answer="found it",
        static=("/static/a.js", "1"),
    ),
    "container": Shape(
        ini="""[uwsgi]
module = main
callable = app
""",
        files={"main.py": flask("app", "from the image")},
        answer="from the image",
        options=(
            *("--socket", "app.sock", "--chown-socket", "%U:%G", "--chmod-socket=664"),
            *("--http-socket", "127.0.0.1:0", "--cheaper", "2", "--processes", "4"),
        ),
    ),
}
