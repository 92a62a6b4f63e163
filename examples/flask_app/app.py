"""A small Flask app to see Verdigris with: a page, a form, JSON, a slow answer and a streamed one.

verdigris --http-socket 127.0.0.1:8000 app:app
"""

import os
import time

from flask import Flask, Response, jsonify, render_template, request

app = Flask(__name__)


@app.get("/")
def index():
    """The page: who answered, and links to the rest."""
    return render_template("index.html", pid=os.getpid(), parent=os.getppid(), environ=request.environ)


@app.post("/hello")
def hello():
    """A form's answer."""
    return render_template("hello.html", name=request.form.get("name", "").strip() or "stranger")


@app.get("/api/request")
def what_was_asked():
    """The request as the app sees it."""
    return jsonify(
        method=request.method,
        path=request.path,
        arguments=request.args,
        headers=dict(request.headers),
        client=request.remote_addr,
        worker=os.getpid(),
    )


@app.get("/slow")
def slow():
    """An answer that takes a second: other requests do not wait for it."""
    time.sleep(1)
    return "That took a second.\n"


@app.get("/count")
def count():
    """Ten lines, each sent when it is made: see them come with `curl -N`."""

    def lines():
        for number in range(1, 11):
            yield f"{number}\n"
            time.sleep(0.2)

    return Response(lines(), mimetype="text/plain")
