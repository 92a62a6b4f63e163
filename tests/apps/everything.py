"""All the other apps' paths in one: `/environ`, and those of answers, bodies and files."""

import answers
import bodies
import control
import environ
import files

app = control.Router()
for _part in (answers, bodies, files):
    app.handlers.update(_part.app.handlers)
app.handlers["environ"] = environ.app


@app.add
def index(_environ, start_response):
    return control.plain(start_response, "index")


@app.add
def noted(environ, start_response):
    """Note the request in the journal; answer its path."""
    control.note(f"noted {environ['REQUEST_METHOD']} {environ['REQUEST_URI']}")
    return control.plain(start_response, environ["PATH_INFO"])


@app.add
def held(environ, start_response):
    """Note the start, wait at the gate ?gate, answer."""
    gate = control.query(environ)["gate"]
    control.note(f"held at {gate}")
    control.wait_at(gate)
    return control.plain(start_response, "released")
