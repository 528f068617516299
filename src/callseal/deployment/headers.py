"""Header names that belong to SIP: no header of the edge may bear one."""

from __future__ import annotations

_NAMES = """
accept accept-contact accept-encoding accept-language accept-resource-priority alert-info allow allow-events
authentication-info authorization call-id call-info contact content-disposition content-encoding content-language
content-length content-type cseq date diversion error-info event expires feature-caps from geolocation history-info
identity identity-info in-reply-to join max-breadth max-forwards mime-version min-expires min-se organization
p-access-network-info p-asserted-identity p-associated-uri p-called-party-id p-charging-vector p-early-media
p-preferred-identity p-visited-network-id path priority privacy proxy-authenticate proxy-authorization proxy-require
rack reason recv-info record-route refer-sub refer-to referred-by reject-contact replaces reply-to request-disposition
require resource-priority retry-after route rseq security-client security-server security-verify server service-route
session-expires session-id sip-etag sip-if-match subject subscription-state supported target-dialog timestamp to
unsupported user-agent user-to-user via warning www-authenticate
"""
_COMPACT = "a b c d e f i j k l m n o r s t u v x y"

STANDARD_HEADERS = frozenset(f"{_NAMES} {_COMPACT}".split())
"""RFC 3261 section 20 and the IANA registry of SIP header fields, in small letters, with the compact forms."""
