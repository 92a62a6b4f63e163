"""A grpc server as a program: `slow_grpc.py SOCKET`. It answers `/slow/sleep` after as many seconds as it was told."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import grpc


def sleep(request: bytes, _context: grpc.ServicerContext) -> bytes:
    time.sleep(float(request))
    return b"slept"


def main(socket: str) -> None:
    server = grpc.server(ThreadPoolExecutor(60))
    methods = {"sleep": grpc.unary_unary_rpc_method_handler(sleep)}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("slow", methods)])
    server.add_insecure_port(f"unix:{socket}")
    server.start()
    print("serving", flush=True)
    server.wait_for_termination()


if __name__ == "__main__":
    main(sys.argv[1])
