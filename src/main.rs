//! The program `pointsman`; everything it does is in `pointsman::cli`.

use std::process::ExitCode;

fn main() -> ExitCode {
    pointsman::cli::run(std::env::args_os())
}
