//! Whoever serves the log lies about it.

use netsonde_log::leaf::Payload;
use netsonde_log::role::Role;

use crate::probe::{add, netsonde};
use crate::server::{Answer, Server};
use crate::support::Probe;
use crate::world::{DAY, World, draft, now, said_by, seeds, signed};

/// A probe that follows a registry with one script.
fn following() -> (Probe, World, Server) {
    let (probe, mut world) = (Probe::new(), World::new());
    world.script("online", "{}");
    let server = Server::of(world.public().to_owned());
    add(&probe, &world, &[&server.url]).done();
    (probe, world, server)
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}
