"""Stands in for an engine in unit tests: calls the app with what came over the stand-in link."""


def run(link, app, settings):
    link.ready()
    while (environ := link.take()) is not None:
        started = {}

        def start_response(status, headers, started=started):
            started["status"] = status

        start_response.serves = lambda number, started=started: started.update(app=number)
        environ["wsgi.errors"] = __import__("sys").stderr
        body = b"".join(app(environ, start_response))
        link.say(**started, body=body.decode())
