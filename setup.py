"""One wheel with both Rust parts: the program `verdigris` and the extension `verdigris._native`.

The extension keeps to Python's stable ABI, so that one file serves every CPython from 3.10 on.
"""

from setuptools import setup
from setuptools_rust import Binding, RustBin, RustExtension

setup(
    rust_extensions=[
        RustExtension(
            "verdigris._native",
            path="crates/worker/Cargo.toml",
            binding=Binding.PyO3,
            cargo_manifest_args=["--locked"],
            debug=False,
            quiet=True,
        ),
        RustBin(
            "verdigris",
            path="crates/verdigris/Cargo.toml",
            cargo_manifest_args=["--locked"],
            debug=False,
            quiet=True,
        ),
    ],
    options={"bdist_wheel": {"py_limited_api": "cp310"}},
)
