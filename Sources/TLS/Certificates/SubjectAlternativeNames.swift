internal import COpenSSL

/// The alternative names of a certificate's subject, by kind, each in the certificate's order.
struct SubjectAlternativeNames {
    private(set) var dns: [String] = []
    private(set) var ipAddresses: [String] = []
    private(set) var uris: [String] = []

    /// - Throws: `certificate` for a name that is not printable ASCII. Such a name is never
    ///   dropped or repaired: either would let a certificate be read as another's.
    init(of certificate: Certificate) throws(TLSError) {
        self = try unsafe certificate.withPointer { (raw) throws(TLSError) in
            try unsafe SubjectAlternativeNames(raw: raw)
        }
    }

    private init(raw: OpaquePointer) throws(TLSError) {
        OpenSSLErrorQueue.clear()
        var criticality: Int32 = 0
        guard
            let extensionValue = unsafe X509_get_ext_d2i(
                raw,
                NID_subject_alt_name,
                &criticality,
                nil
            )
        else {
            // -1: there is none. -2: several; other values: it could not be parsed.
            guard criticality == -1 else {
                throw TLSError(.certificate, "the subject's alternative names are malformed")
            }
            return
        }
        let names = OpaquePointer(extensionValue)
        defer { unsafe GENERAL_NAMES_free(names) }
        for index in 0..<(unsafe shim_sk_GENERAL_NAME_num(names)) {
            guard let name = unsafe shim_sk_GENERAL_NAME_value(names, index) else { continue }
            try unsafe append(name)
        }
    }

    private mutating func append(_ name: UnsafeMutablePointer<GENERAL_NAME>) throws(TLSError) {
        var kind: Int32 = 0
        guard let value = unsafe GENERAL_NAME_get0_value(name, &kind) else { return }
        guard [GEN_DNS, GEN_IPADD, GEN_URI].contains(kind) else { return }
        let string = unsafe value.assumingMemoryBound(to: ASN1_STRING.self)
        let bytes = unsafe Array(
            UnsafeBufferPointer(
                start: ASN1_STRING_get0_data(string),
                count: Int(ASN1_STRING_length(string))
            )
        )
        switch kind {
        case GEN_IPADD: ipAddresses.append(IPAddressText.text(of: bytes))
        case GEN_DNS: dns.append(try Self.text(bytes))
        default: uris.append(try Self.text(bytes))
        }
    }

    private static func text(_ bytes: [UInt8]) throws(TLSError) -> String {
        guard !bytes.isEmpty, bytes.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw TLSError(.certificate, "an alternative name is not printable ASCII")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
