"""The smallest app: it says hello. `application` and `app` are the same."""


def application(environ, start_response):
    body = b"hello\n"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


app = application


def create_app(name="hello"):
    """A factory, for `hello:create_app()`."""

    def made(environ, start_response):
        body = f"made {name}\n".encode()
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]

    return made


not_callable = 42
