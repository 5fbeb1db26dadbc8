//! The command line as its users meet it: a process with arguments, input, output and a status.

mod append;
mod crash;
mod demo;
mod program;
mod reading;
mod signals;
mod takeover;
mod usage;
