"""Notes every request that reaches it, with its whole body, and answers 200."""

import control


def app(environ, start_response):
    control.note(f"request {environ['REQUEST_METHOD']} {environ['REQUEST_URI']}")
    body = environ["wsgi.input"].read()
    control.note(f"body {len(body)}")
    return control.plain(start_response, f"{environ['REQUEST_METHOD']} {len(body)}")
