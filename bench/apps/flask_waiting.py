"""What people load-test: a Flask view that reads JSON, waits for something else, and answers JSON."""

import time

from flask import Flask, jsonify, request

application = Flask(__name__)


@application.route("/", methods=["GET", "POST"])
def login():
    """Wait 0.2 s, then give back what came."""
    came = request.get_json(force=True, silent=True)
    time.sleep(0.2)
    return jsonify(code=200, came=came)
