# A server of NTLM without a connection, by gss-ntlmssp: prints a CHALLENGE message, reads an AUTHENTICATE message, says what it
# thinks of it, reads a signature of the text "text" with sequence number 100, says what it thinks of that, and prints its own.
import base64, ctypes as c, sys

class Buffer(c.Structure):
    _fields_ = [("length", c.c_size_t), ("value", c.c_void_p)]

class OID(c.Structure):
    _fields_ = [("length", c.c_uint32), ("elements", c.c_void_p)]

class Set(c.Structure):
    _fields_ = [("count", c.c_size_t), ("elements", c.POINTER(OID))]

def oid(der):
    return OID(len(der), c.cast(c.create_string_buffer(der, len(der)), c.c_void_p))

def buffer(data):
    return Buffer(len(data), c.cast(c.create_string_buffer(data, max(len(data), 1)), c.c_void_p))

gss = c.CDLL(sys.argv[1])
minor, context, credentials = c.c_uint32(), c.c_void_p(), c.c_void_p()

def must(what, major):
    if major not in (0, 1):
        sys.exit("%s: %x %x" % (what, major, minor.value))

mechanism = oid(bytes([0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 2, 10]))
must("acquire", gss.gss_acquire_cred(c.byref(minor), None, 0, c.byref(Set(1, c.pointer(mechanism))), 2, c.byref(credentials), None, None))

def accept(token):
    given, out, name = buffer(token), Buffer(), c.c_void_p()
    major = gss.gss_accept_sec_context(c.byref(minor), c.byref(context), credentials, c.byref(given), None, c.byref(name), None, c.byref(out), None, None, None)
    return major, c.string_at(out.value, out.length) if out.length else b""

major, challenge = accept(b"")
must("challenge", major)
print(base64.b64encode(challenge).decode(), flush=True)
major, _ = accept(base64.b64decode(sys.stdin.readline()))
print("accepted" if major == 0 else "refused %x %x" % (major, minor.value), flush=True)
if major != 0:
    sys.exit()

def sequence():
    number = buffer((100).to_bytes(4, "little"))
    set_number = oid(bytes([0x2b, 6, 1, 4, 1, 0xb7, 0x7d, 0x85, 0x0f, 1, 1]))
    must("sequence", gss.gss_set_sec_context_option(c.byref(minor), c.byref(context), c.byref(set_number), c.byref(number)))

text, signature = buffer(b"text"), buffer(bytes.fromhex(sys.stdin.readline().strip()))
sequence()
major = gss.gss_verify_mic(c.byref(minor), context, c.byref(text), c.byref(signature), None)
print("accepted" if major == 0 else "refused %x %x" % (major, minor.value), flush=True)
sequence()
mine = Buffer()
must("sign", gss.gss_get_mic(c.byref(minor), context, 0, c.byref(text), c.byref(mine)))
print(c.string_at(mine.value, mine.length).hex(), flush=True)
