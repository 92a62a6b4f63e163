"""The one-file demo: with Flask's own server `/index` waits for `/`."""

import time

import control
from flask import Flask

app = Flask(__name__)


@app.route("/")
def slow():
    control.note("slow")
    time.sleep(10)
    return "slow"


@app.route("/index")
def index():
    return "index"


if __name__ == "__main__":
    app.run()
