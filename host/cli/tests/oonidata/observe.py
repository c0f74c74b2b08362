"""Reads measurements, one a line, and writes what OONI's pipeline observes in each, one a line.

Needs oonidata 0.2.3, the last release on PyPI with the code that makes observations; later ones have the types only, which
`types` as an argument reads the measurements into. What the pipeline looks up elsewhere is made up: the networks of
addresses, the fingerprints of blockpages.
"""

import dataclasses
import json
import logging
import sys


class Complaints(logging.Handler):
    """Errors that oonidata writes to its log and gets over."""

    # Several resolvers are asked for one name, so one address is found several times.
    EXPECTED = "multiple resolutions for the same IP"

    def __init__(self):
        super().__init__(logging.ERROR)
        self.texts = []

    def emit(self, record):
        text = record.getMessage()
        if not text.startswith(self.EXPECTED):
            self.texts.append(text)


def into_types(measurement):
    from oonidata.models.nettests import NETTEST_MODELS

    loaded = NETTEST_MODELS[measurement["test_name"]].from_dict(measurement)
    keys = loaded.test_keys.to_dict(omit_none=True)
    return {kind: len(entries) for kind, entries in keys.items() if isinstance(entries, list)}


def into_observations(measurement):
    from oonidata import dataformat, netinfo, observations
    from oonidata.processing import nettest_make_obs_map

    class Networks:
        def lookup_asn(self, day, asn):
            return netinfo.ASInfo(asn=asn, as_org_name="", as_cc="ZZ", as_name="")

        def lookup_ip(self, day, ip):
            return netinfo.IPInfo(self.lookup_asn(day, 0), cc="ZZ")

    class Fingerprints:
        def match_http(self, response):
            return []

        def match_dns(self, address):
            return None

    networks, fingerprints = Networks(), Fingerprints()
    loaded = dataformat.load_measurement(measurement)
    observations.NettestObservation.from_measurement(loaded, networks)
    name = measurement["test_name"]
    if name in nettest_make_obs_map:
        dns, tcp, tls, http = nettest_make_obs_map[name](loaded, fingerprints, networks)
    else:
        # The release knows how to read these kinds, but not this nettest.
        def read(key, kind):
            return [kind.from_dict(entry) for entry in measurement["test_keys"][key]]

        http = observations.make_http_observations(
            loaded, read("requests", dataformat.HTTPTransaction), fingerprints, networks
        )
        dns = observations.make_dns_observations(
            loaded, read("queries", dataformat.DNSQuery), fingerprints, networks
        )
        names = observations.make_ip_to_domain(dns)
        tcp = observations.make_tcp_observations(
            loaded, read("tcp_connect", dataformat.TCPConnect), networks, names
        )
        tls = observations.make_tls_observations(
            loaded,
            read("tls_handshakes", dataformat.TLSHandshake),
            read("network_events", dataformat.NetworkEvent),
            networks,
            names,
        )
    kinds = {"dns": dns, "tcp": tcp, "tls": tls, "http": http}
    return {kind: [dataclasses.asdict(seen) for seen in all] for kind, all in kinds.items()}


make = into_types if sys.argv[1:] == ["types"] else into_observations
complaints = Complaints()
logging.getLogger().addHandler(complaints)
for number, line in enumerate(sys.stdin):
    measurement = json.loads(line)
    # The collector gives each an id.
    measurement["measurement_uid"] = f"measurement-{number}"
    made = make(measurement)
    made["complaints"], complaints.texts = complaints.texts, []
    print(json.dumps(made, default=str))
