"""The pages of the shop."""

import os

from flask import Blueprint, current_app
from shop.words import WORD

views = Blueprint("views", __name__)


@views.route("/")
def index():
    return f"{WORD} {current_app.config['NAME']} {os.getpid()}"


@views.route("/broken")
def broken():
    secret = "a value of this frame"
    raise LookupError(f"broken by {secret}")
