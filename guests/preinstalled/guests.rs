/// The folders of the preinstalled guests, seen from the root of the workspace.
const FOLDERS: &[&str] = &["guests/dns-lookup"];
