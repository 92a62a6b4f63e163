"""Files through `wsgi.file_wrapper`; the files are those that the test put into its directory."""

import io
import os

import control

app = control.Router()


class NotingFile:
    """A file object that notes when it is closed; everything else is the file's."""

    def __init__(self, file, name):
        self.file = file
        self.name = name

    def __getattr__(self, attribute):
        return getattr(self.file, attribute)

    def close(self):
        control.note(f"closed {self.name}")
        self.file.close()


class OnlyRead:
    """The least that may be wrapped: read(size) and nothing else."""

    def __init__(self, data):
        self.stream = io.BytesIO(data)

    def read(self, size):
        return self.stream.read(size)


def opened(environ):
    """The file named by ?file, positioned at ?offset; ?buffered or not."""
    asked = control.query(environ)
    file = open(os.path.join(control.HOME, asked["file"]), "rb", buffering=-1 if "buffered" in asked else 0)
    file.seek(int(asked.get("offset", "0")))
    return file, asked


def begin(start_response, asked):
    headers = [("Content-Type", "application/octet-stream")]
    if "length" in asked:
        headers.append(("Content-Length", asked["length"]))
    return start_response("200 OK", headers)


@app.add
def wrapped(environ, start_response):
    """The plain use; ?block gives a block size, ?name notes the close."""
    file, asked = opened(environ)
    begin(start_response, asked)
    if "name" in asked:
        file = NotingFile(file, asked["name"])
    if "block" in asked:
        return environ["wsgi.file_wrapper"](file, int(asked["block"]))
    return environ["wsgi.file_wrapper"](file)


@app.add
def partly_read(environ, start_response):
    """The app has already read ten bytes through the buffered file."""
    file, asked = opened(environ)
    assert len(file.read(10)) == 10
    begin(start_response, asked)
    return environ["wsgi.file_wrapper"](file)


@app.add
def in_memory(environ, start_response):
    begin(start_response, control.query(environ))
    return environ["wsgi.file_wrapper"](io.BytesIO(b"m" * 100_000))


@app.add
def only_read(environ, start_response):
    begin(start_response, control.query(environ))
    return environ["wsgi.file_wrapper"](OnlyRead(b"r" * 100_000), 4096)


@app.add
def iterated(environ, start_response):
    """A middleware passes the pieces on, so the wrapper is an ordinary iterable."""
    file, asked = opened(environ)
    begin(start_response, asked)
    wrapper = environ["wsgi.file_wrapper"](file, 1000)
    try:
        for piece in wrapper:
            yield piece.upper()
    finally:
        wrapper.close()
        control.note(f"file closed: {file.closed}")


@app.add
def pipe(environ, start_response):
    """A file object with a descriptor that is no regular file."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as end:  # not os.close: under gevent that waits for the hub
        end.write(b"through a pipe")
    begin(start_response, control.query(environ))
    return environ["wsgi.file_wrapper"](os.fdopen(reading, "rb"))


@app.add
def removed(environ, start_response):
    """The file has no name any more when it is sent."""
    file, asked = opened(environ)
    os.unlink(file.name)
    begin(start_response, asked)
    return environ["wsgi.file_wrapper"](file)


@app.add
def closed_file(environ, start_response):
    file, asked = opened(environ)
    file.close()
    begin(start_response, asked)
    return environ["wsgi.file_wrapper"](file)


@app.add
def written_then_file(environ, start_response):
    """write() first, then a file."""
    file, asked = opened(environ)
    write = begin(start_response, asked)
    write(b"written before|")
    return environ["wsgi.file_wrapper"](file)
