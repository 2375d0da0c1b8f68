import JSON
import Testing

@Suite("Base64, as RFC 4648 has it")
struct Base64Tests {
    @Test(
        "the RFC's own vectors",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ]
    )
    func vectors(_ plain: String, _ encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == encoded)
        #expect(Base64.decode(encoded) == Array(plain.utf8))
    }

    @Test("all bytes come back, at every length")
    func roundTrip() {
        let all = (0...255).map { UInt8($0) }
        for count in 0...all.count {
            #expect(Base64.decode(Base64.encode(Array(all[..<count]))) == Array(all[..<count]))
        }
        #expect(Base64.encode([0xFB, 0xFF, 0xBF]) == "+/+/")
    }

    @Test(
        "anything else is refused",
        arguments: [
            "Z", "Zg", "Zg=", "Zg===", "====", "=", "Z===", "=Zg=", "Z=g=", "Zg==Zg==", "Zh==",
            "Zm9=", "Zm 9", "Zm9\n", "Zm9-", "Zm9_", "Zm9\u{E9}",
        ]
    )
    func refused(_ text: String) {
        #expect(Base64.decode(text) == nil)
    }
}
