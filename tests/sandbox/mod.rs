//! The sandbox: guests that mean harm, and what becomes of everything around them.

/// Guests in text.
mod guests;

/// A good session in a process of hostile ones.
mod bystander;
/// Instances made before there is a session for them.
mod prepared;
/// Guests through the library.
mod drive;
/// Events that guests make up.
mod events;
/// Parts of messages that guests make up.
mod parts;
/// What guests say.
mod answers;
/// What guests do.
mod hostile;

/// The server's binary with the core in a sandbox.
mod host;
/// The real guest with a back door.
mod door;
/// Hostile guests and peers in a running server.
mod hostile_live;
/// Connections opened and dropped, again and again.
mod churn;
