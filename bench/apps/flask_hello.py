"""The smallest Flask application: routing, request and response objects, one line of text."""

from flask import Flask

application = Flask(__name__)


@application.get("/")
def hello():
    """Answer with a line of text."""
    return "Hello, world!\n"
