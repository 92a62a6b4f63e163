from gevent import monkey

monkey.patch_all()

import os
import time

from flask import Flask

app = Flask(__name__)
WORD = "first"


@app.route("/")
def index():
    return f"{WORD} {os.getpid()}"


@app.route("/sleep")
def sleep():
    time.sleep(0.5)
    return "slept"
