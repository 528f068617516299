# What nearly every message and SDP looks like, for strict.cfg: PCRE, a group of lines of less than 490 characters, any of which may match.
# Nothing is given back once it is taken (++, *+): a match reads the text once.
# regex.so makes ((A)|(B)) of two lines. A line that ends in (?:^(?# goes on in the next, which closes two brackets more: ((A(?:^|(B)))).

# A message's head (not anchored at its end, a body may follow): first its Vias, one a line, then headers of this list, each on a line of
# its own, addresses in <>. What counts stands there once: (?(4)^) fails where group 4 is set already, (?(4)|^) where it is not (^ is the
# beginning of the text, and nowhere else).
[0]
^(?:[A-Z]++ sips?:[!-~]++ SIP/2\.0|SIP/2\.0 [1-6]\d\d [ -~]*+)\r\n(?:Via: SIP/2\.0/(?:UDP|TCP|TLS) [][a-zA-Z0-9.:-]++(?:;[!#-+\--:=?-~]++)*+\r\n)++(?:^(?#
(?:(?:(?(4)^)(From)|(?(5)^)(To)|(?(6)^)(Contact)): (?:"[^\x00-\x1f\x7f"\\<>]*+" ?|[a-zA-Z0-9 ._-]*+)<sips?:[!#-;=?-~]++>(?:;[ !#-+\--;=?A-~]*+)?\r\n|(?(7)^)(Call-ID): [!-~]{1,200}+\r\n|(?(8)^)(CSeq): \d{1,9}+ [A-Z]++\r\n|(?:(?:Record-)?Route|(?(9)^)(Max-Forwards)|(?(10)^)(Content-Length)|(?(11)^)(Content-Type)|Allow|Supported|Require|User-Agent|Server|Session-Expires): [^\x00-\x08\x0a-\x1f\x7f]*+\r\n)++(?(4)|^)(?(5)|^)(?(7)|^)(?(8)|^)\r\n))

# An SDP with one stream, which is audio, one address, for all or for the stream, and no address in an attribute.
[1]
^v=0\r\no=[!-~]++ \d++ \d++ IN IP[46] [!-~]++\r\n(?:[bikprstuze]=[^\x00-\x1f\x7f]*+\r\n|a=(?!(?i:candidate|remote-|rtcp:\d++ ))[^\x00-\x1f\x7f]*+\r\n)*+c=IN IP[46] [!-~]++\r\n(?:[bikprstuze]=[^\x00-\x1f\x7f]*+\r\n|a=(?!(?i:candidate|remote-|rtcp:\d++ ))[^\x00-\x1f\x7f]*+\r\n)*+m=audio \d{1,5}+ [A-Za-z/]{1,20}+ [0-9 ]{1,200}+\r\n(?:[bik]=[^\x00-\x1f\x7f]*+\r\n|a=(?!(?i:candidate|remote-|rtcp:\d++ ))[^\x00-\x1f\x7f]*+\r\n)*+\z
^v=0\r\no=[!-~]++ \d++ \d++ IN IP[46] [!-~]++\r\n(?:[bikprstuze]=[^\x00-\x1f\x7f]*+\r\n|a=(?!(?i:candidate|remote-|rtcp:\d++ ))[^\x00-\x1f\x7f]*+\r\n)*+m=audio \d{1,5}+ [A-Za-z/]{1,20}+ [0-9 ]{1,200}+\r\n(?:[bik]=[^\x00-\x1f\x7f]*+\r\n|a=(?!(?i:candidate|remote-|rtcp:\d++ ))[^\x00-\x1f\x7f]*+\r\n)*+c=IN IP[46] [!-~]++\r\n(?:[bik]=[^\x00-\x1f\x7f]*+\r\n|a=(?!(?i:candidate|remote-|rtcp:\d++ ))[^\x00-\x1f\x7f]*+\r\n)*+\z

# The parameters of our Record-Route, as cookie.cfg writes them, without lo.
[2]
;v=1;k=[^;=|]++;lg=(?:c|a\d*+);rn=\d{1,5}+;d=b?[io];rf=[^;=|]++;sg=[^;=]++\z

# A head as in 0 with headers that begin with X-.
[3]
^(?:[A-Z]++ sips?:[!-~]++ SIP/2\.0|SIP/2\.0 [1-6]\d\d [ -~]*+)\r\n(?:Via: SIP/2\.0/(?:UDP|TCP|TLS) [][a-zA-Z0-9.:-]++(?:;[!#-+\--:=?-~]++)*+\r\n)++(?:^(?#
(?:(?:(?(4)^)(From)|(?(5)^)(To)|(?(6)^)(Contact)): (?:"[^\x00-\x1f\x7f"\\<>]*+" ?|[a-zA-Z0-9 ._-]*+)<sips?:[!#-;=?-~]++>(?:;[ !#-+\--;=?A-~]*+)?\r\n|(?(7)^)(Call-ID): [!-~]{1,200}+\r\n|(?(8)^)(CSeq): \d{1,9}+ [A-Z]++\r\n|(?:(?:Record-)?Route|(?(9)^)(Max-Forwards)|(?(10)^)(Content-Length)|(?(11)^)(Content-Type)|Allow|Supported|Require|User-Agent|Server|Session-Expires|X-[A-Za-z-]++): [^\x00-\x08\x0a-\x1f\x7f]*+\r\n)++(?(4)|^)(?(5)|^)(?(7)|^)(?(8)|^)\r\n))

# A cookie as cookie.cfg writes it: version, key id, payload, MAC.
[4]
^1\.[A-Za-z0-9._-]+\.[A-Za-z0-9_-]+\.[0-9a-f]{32}\z

# A token of the partner.
[5]
^[A-Za-z0-9._~+/=-]{1,256}+\z

# A number that may be looked up.
[6]
^\+?[0-9]{1,32}+\z
