//! The user agent against a scripted peer, and against itself over a bad network.

mod answering;
mod bench;
mod calling;
mod in_call;
mod registering;
mod reinviting;
mod strangers;
mod world;
