"""What can be wrong with a deployment: every validator, in one table, which is why this file is long.

An id is a promise: it is never given to another meaning. `docs/reference/validators.md` is written from this table.
"""

from __future__ import annotations

from callseal.deployment.faults import Severity, Validator

_W = Severity.WARNING
VALIDATORS: dict[str, Validator] = {
    validator.id: validator
    for validator in (
        # The file and its shape.
        Validator(
            "CS001",
            "file-not-readable",
            "The file does not exist, or is not UTF-8 text.",
            "Name a readable file.",
        ),
        Validator(
            "CS002",
            "toml-syntax",
            "The text is not TOML 1.0.",
            "Mend the syntax; nothing else is checked before.",
        ),
        Validator(
            "CS003", "schema-version", "`schema` is missing or not 1.", "Write `schema = 1` as the first key."
        ),
        Validator(
            "CS004",
            "unknown-key",
            "A key or table that Callseal does not know.",
            "Remove the key or mend its spelling.",
        ),
        Validator(
            "CS005",
            "missing-key",
            "A required key or table is not there.",
            "Add it; the deployment reference shows its form.",
        ),
        Validator(
            "CS006",
            "wrong-type",
            "The value is of another type than the key wants.",
            "Write the value in the type named.",
        ),
        Validator(
            "CS007",
            "not-one-of",
            "The value is not one of those the key takes.",
            "Use one of the values named.",
        ),
        Validator(
            "CS008",
            "out-of-range",
            "A number is below or above what makes sense.",
            "Choose a value within the bounds named.",
        ),
        Validator(
            "CS009", "empty", "A list or text that must hold something is empty.", "Give at least one entry."
        ),
        # Single values.
        Validator(
            "CS010",
            "malformed-name",
            "An id, tenant, region or login has other characters than a-z, 0-9, `-`, `_` and `.`.",
            "Use 1 to 64 of these, beginning with a letter or digit.",
        ),
        Validator(
            "CS011",
            "literal-secret",
            "A secret stands in the file itself.",
            "Put it into a file or the environment and write `file:path` or `env:NAME`; consider the old value known.",
        ),
        Validator(
            "CS012",
            "transport-not-supported",
            "A SIP transport that cannot be spoken: TLS without a [tls] table or without sip_tls on every edge, or a "
            "destination that asks for another transport than its peer's.",
            "Add what is missing, or write the same transport in both places.",
        ),
        Validator(
            "CS014",
            "malformed-network",
            "Not an IP address or network in CIDR form.",
            "Write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32.",
        ),
        Validator(
            "CS015",
            "malformed-address",
            "Not an IP address, or not address:port.",
            "Write 192.0.2.7:5060, or [2001:db8::7]:5060.",
        ),
        Validator(
            "CS016",
            "malformed-uri",
            "Not a URI of the wanted scheme.",
            "Write sip:host[:port] or http(s)://host[:port][/path], without user and password.",
        ),
        Validator(
            "CS017",
            "malformed-port-range",
            "Not a usable range of UDP ports.",
            "Write an even first and an odd last port, such as 30000-39999, with 100 ports or more.",
        ),
        Validator(
            "CS018",
            "malformed-header-name",
            "Not a token (RFC 3261 section 25.1), so no SIP header can bear it.",
            "Use letters, digits and `-`.",
        ),
        Validator(
            "CS019",
            "reserved-header-name",
            "The name belongs to a SIP standard, or says who made the edge.",
            "Choose a private name, such as X-Call-Reference.",
        ),
        Validator(
            "CS020",
            "malformed-number",
            "Not a number or prefix as dialled.",
            "Write digits with an optional leading +, at most 15 digits (E.164).",
        ),
        # Names that must be unique, and references.
        Validator(
            "CS021",
            "duplicate-header",
            "Two of the edge's headers have one name.",
            "Give each its own name; SIP does not tell capitals from small letters.",
        ),
        Validator(
            "CS022",
            "duplicate-id",
            "Two things have one id.",
            "Give each carrier, the partner, the platform and each edge an id of its own.",
        ),
        Validator(
            "CS023",
            "duplicate-number",
            "One number or prefix is listed twice.",
            "Keep one entry; the longest prefix wins among different ones.",
        ),
        Validator(
            "CS024",
            "duplicate-server-id",
            "Two edges have one server_id.",
            "Number the edges; Kamailio builds unique ids from it.",
        ),
        Validator(
            "CS025",
            "duplicate-address",
            "Two listeners have one address and port, or two edges share media ports.",
            "Give every edge its own addresses.",
        ),
        Validator(
            "CS026", "duplicate-login", "Two agents have one login.", "Give each agent their own login."
        ),
        Validator(
            "CS027",
            "unknown-carrier",
            "A number names a carrier that is not in the file.",
            "Use the id of a [[carriers]] entry.",
        ),
        Validator(
            "CS028",
            "number-without-carrier",
            "Several carriers, and the number does not say which one takes calls dialled out.",
            "Add carrier = with the id of a [[carriers]] entry.",
        ),
        Validator(
            "CS029",
            "unknown-tenant",
            "An agent's tenant has no number, so the agent would never see a call.",
            "Use the tenant of a [[numbers]] entry.",
        ),
        # Faces and addresses.
        Validator(
            "CS030",
            "networks-overlap",
            "Two peers share addresses: a packet could not be told to come from one or the other.",
            "Make the networks disjoint; a shared one would let a carrier speak as the partner.",
        ),
        Validator(
            "CS031",
            "edge-inside-peer",
            "An address of our own lies in a peer's network.",
            "Narrow the peer's network: traffic of our own must not pass for the peer's.",
        ),
        Validator(
            "CS032",
            "destination-not-listed",
            "Calls are sent to an address from which no request would be accepted.",
            "Add the destination's address to that peer's signalling list.",
        ),
        Validator(
            "CS033",
            "port-collision",
            "A listener's port lies within the media ports of the same address.",
            "Move the listener or the range.",
        ),
        Validator(
            "CS034",
            "control-on-public-address",
            "rtpengine's control port or the edge agent listens on a public address. Neither knows a stranger from a friend.",
            "Use loopback or a private control network.",
        ),
        Validator(
            "CS035",
            "one-anchor-precondition",
            'anchors = "one" needs partner and platform with one media profile (with SRTP, two suites of the partner) and a platform with a short list of media addresses.',
            'Use anchors = "two", or one media profile for both (docs/how-to/srtp.md), and list the platform\'s media addresses exactly.',
        ),
        Validator(
            "CS036",
            "fence-unsafe-off",
            "The router does not stop digits towards the agent; only the partner's mask is left.",
            'Write fence = "events" for anything but a leak test.',
            _W,
        ),
        Validator(
            "CS037",
            "hold-too-short",
            "The hold could end by itself before securing or restoring has.",
            "Make hold_ttl_ms at least 1000 more than secure_timeout_ms and restore_timeout_ms.",
        ),
        Validator(
            "CS038",
            "deadlines-disagree",
            "The time for all fields is shorter than the time for one.",
            "Make capture_overall_ms at least capture_field_ms.",
        ),
        Validator(
            "CS039",
            "emergency-takes-payments",
            "An emergency number never touches the partner, so it cannot take payments.",
            "Remove payments and partner_down from the emergency entry.",
        ),
        # Secrets, as this machine sees them (only `check` looks).
        Validator(
            "CS040",
            "secret-missing",
            "The file of a secret is not there or cannot be read.",
            "`callseal keys FILE` creates the secret files that are missing.",
        ),
        Validator(
            "CS041",
            "secret-too-weak",
            "A secret is empty, or a key is shorter than 16 characters.",
            "Delete the file and let `callseal keys FILE` create it anew.",
        ),
        Validator(
            "CS042",
            "secret-exposed",
            "Other users of this machine may read the secret's file.",
            "chmod 600 the file.",
            _W,
        ),
        Validator(
            "CS043",
            "variable-not-set",
            "An env: secret is not set here. The service may have it; this shell has not.",
            "Set it for the service, or ignore this where the service runs elsewhere.",
            _W,
        ),
        # The rest.
        Validator(
            "CS044", "malformed-currency", "Not an ISO 4217 code.", 'Write three capitals, such as "GBP".'
        ),
        Validator(
            "CS045",
            "signing-key-reused",
            "The current and the previous signing key have one id or one secret.",
            "Give the new key a new id and a new secret, or remove previous.",
        ),
        Validator(
            "CS046",
            "network-too-wide",
            "The network is so wide that the peer is not identified by it.",
            "List the peer's own networks: IPv4 /8 and IPv6 /16 are the widest accepted.",
        ),
        Validator(
            "CS047",
            "plain-http",
            "A bearer secret would cross a public network unencrypted.",
            "Use https://, or a private address.",
        ),
        # SIP over TLS and names.
        Validator(
            "CS060",
            "malformed-dns-name",
            "Not a DNS name of two labels or more.",
            "Write it like sip.example.net, without a dot at the end and without a wildcard.",
        ),
        Validator(
            "CS061",
            "partner-not-proven",
            "The partner speaks TLS and no certificate name is asked of it: its address alone would be its identity.",
            'Add tls_name = ["..."], a dNSName of the partner\'s certificate.',
        ),
        Validator(
            "CS062",
            "tls-name-without-tls",
            "A certificate name is asked of a peer that does not speak TLS, so it can never be shown.",
            'Write transport = "tls", or remove tls_name.',
        ),
        Validator(
            "CS063",
            "shared-address-disagrees",
            "Two carriers share addresses and differ in transport or tls_name: whose rule holds could not be told.",
            "Give both the same transport and tls_name, or make their networks disjoint.",
        ),
        Validator(
            "CS064",
            "certificate-unusable",
            "A file of [tls] is missing, is no PEM, has expired, or certificate and key do not belong together.",
            "Put the files where the deployment says; see docs/how-to/tls.md.",
        ),
        Validator(
            "CS065",
            "unknown-region",
            "An edge's region is not among the [[regions]], or a region is listed twice.",
            "List every region once, or leave [[regions]] out: then no edge has a cluster name.",
        ),
        Validator(
            "CS066",
            "cluster-is-an-edge",
            "A cluster name is also the name of one edge, so that a request for all would go to that one.",
            "Give the cluster a name of its own.",
        ),
        Validator(
            "CS067",
            "name-outside-zone",
            "A cluster or host name is not in the zone of [dns], or the zone has no name server.",
            "Name the zone that holds all of them, and its name_servers.",
        ),
        Validator(
            "CS068",
            "name-server-without-address",
            "A name server of [dns] has its name inside the zone, where Callseal writes no address for it: BIND does not load such a zone, and who asks for the name is sent in a circle.",
            "Give the zone a name of its own below yours, with name servers outside of it (docs/how-to/dns.md).",
            _W,
        ),
        # SRTP.
        Validator(
            "CS090",
            "crypto-suite-shared",
            "Two faces that speak SRTP have a crypto suite in common: rtpengine would give both the same key.",
            "Give carriers, partner and platform suites of their own with srtp_suites.",
        ),
        Validator(
            "CS091",
            "media-in-clear",
            "Media of the partner or the platform crosses a public network unencrypted.",
            'Write media_profile = "srtp", or keep that path on a private network.',
            _W,
        ),
        # IPv4 and IPv6.
        Validator(
            "CS100",
            "second-family-disagrees",
            "sip6, sip_tls6 or media6 is not IPv6, or stands beside a first address that is not IPv4.",
            "Write the IPv4 address without 6 and the IPv6 one with it; an edge with one family has no second.",
        ),
        Validator(
            "CS101",
            "family-missing",
            "All addresses of a peer are of a family in which an edge has none: they can never meet.",
            "Add sip6 (sip_tls6 over TLS) or media6 to every edge, or list the peer's addresses of the other family.",
        ),
        Validator(
            "CS102",
            "carrier-numbers-collide",
            "Two carriers' ids give one number, by which the router knows them.",
            "Change one of the two ids; any other will do.",
        ),
        Validator(
            "CS103",
            "partner-shares-authority",
            "Other peers have certificates of `ca` as well: where Kamailio runs without the peer check, one of them at the partner's own address could read one INVITE, and never answer it, before its name is looked at.",
            "Start Kamailio with the peer check (docs/how-to/tls.md; `callseal doctor` looks for it), and see that the authorities in `ca` certify your peers and nobody else.",
            _W,
        ),
        Validator(
            "CS104",
            "partners-not-apart",
            "A partner that stands by has an address of another partner, which would not tell who speaks, or other address families than the first.",
            "Give each partner signalling addresses of its own, of the same families (IPv4, IPv6) as the first one's.",
        ),
        Validator(
            "CS105",
            "no-emergency-number",
            "No number is marked emergency: what an agent dials in need is judged by the number that the agent shows, and crosses the partner when that one takes payments.",
            "Add a [[numbers]] entry with emergency = true for each emergency number that can be dialled from the platform.",
            _W,
        ),
        Validator(
            "CS106",
            "malformed-service-urn",
            "Not the URN of an emergency service (RFC 5031).",
            'Write it like "urn:service:sos" or "urn:service:sos.police".',
        ),
        Validator(
            "CS107",
            "service-urn-of-no-emergency",
            "service_urns stand at a number that is no emergency number.",
            "Move them to an entry with emergency = true.",
        ),
        Validator(
            "CS108",
            "service-urn-repeated",
            "One emergency service has two numbers: which of them is called could not be told.",
            "Leave the service at one of the two.",
        ),
        Validator(
            "CS109",
            "service-urn-unresolved",
            "Emergency numbers have several carriers, and none says that it is urn:service:sos: a platform that calls for help by that name is answered 404.",
            'Add service_urns = ["urn:service:sos"] to the emergency number that such a call should go to.',
            _W,
        ),
        # Behind NAT.
        Validator(
            "CS110",
            "bound-address-impossible",
            "bind_sip or bind_media cannot be the address of a card that a cloud maps a public one to.",
            "Write the machine's own IPv4 address there, as `ip address` shows it, and what peers see into sip, sip_tls and media.",
        ),
        Validator(
            "CS111",
            "not-one-to-one",
            "A public address and a card's address do not belong to each other alone.",
            "Each public address of an edge behind NAT is one card address's, and no other edge's; sip and sip_tls share theirs.",
        ),
    )
}
