/// The folders of the preinstalled guests, seen from the root of the workspace.
const FOLDERS: &[&str] = &[
    "guests/telegram",
    "guests/whatsapp",
    "guests/signal",
    "guests/facebook-messenger",
    "guests/urlgetter",
    "guests/web-connectivity",
    "guests/dns-lookup",
    "guests/tcp-connect-address",
    "guests/tcp-connect-domain",
    "guests/http-address",
    "guests/http-domain",
    "guests/https-domain",
    "guests/http3-domain",
];
