//! The unit tests of the files that do not need Python. The extension itself cannot be a test program:
//! it is loaded by Python and has no `main`.
#![allow(clippy::unwrap_used, reason = "tests")]
#![allow(dead_code, reason = "tests use a part of each file")]

#[path = "../src/answer.rs"]
mod answer;
#[path = "../src/chunks.rs"]
mod chunks;
#[path = "../src/kernel.rs"]
mod kernel;
#[path = "../src/load.rs"]
mod load;
#[path = "../src/parking.rs"]
mod parking;
#[path = "../src/pool.rs"]
mod pool;
#[path = "../src/slots.rs"]
mod slots;
#[path = "../src/title.rs"]
mod title;
