"""An API whose POST parses its arguments, waits, and answers JSON."""

import time

from flask import Flask
from flask_restx import Api, Resource, reqparse

app = Flask(__name__)
api = Api(app)

arguments = reqparse.RequestParser()
arguments.add_argument("a", type=str, required=True, location="json")
arguments.add_argument("b", type=str, required=True, location="json")
arguments.add_argument("c", type=int, required=True, location="json")


@api.route("/user_manage/user/login")
class Login(Resource):
    def post(self):
        given = arguments.parse_args()
        time.sleep(0.2)
        return {"code": given["c"], "a": given["a"], "b": given["b"]}


if __name__ == "__main__":
    app.run(host="0.0.0.0", port=8040)
