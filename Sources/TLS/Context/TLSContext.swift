internal import COpenSSL
internal import Glibc
package import Platform

/// What all connections of one side share: versions, ciphers, own certificate and key, and the
/// authority that peers are checked against. Immutable once made; a change of certificates is a
/// new context (``ReloadableTLSContext``), and live connections keep the one they began with.
///
/// Both sides: TLS 1.3, or 1.2 when asked for with ECDHE and AEAD only; no compression, no
/// renegotiation, no tickets, no session cache (nothing resumes past a revocation), no early
/// data; security level 2; strict X.509 checks. Only the given authority counts, never the
/// system's.
///
/// `@unchecked Sendable`: an `SSL_CTX` may be used from many threads once it is configured, which
/// ends with `init`; its reference count is atomic.
@safe package final class TLSContext: @unchecked Sendable {
    private let raw: OpaquePointer
    /// The rules by which the files of certificates and keys are used or refused.
    private let files: FileTrust
    /// Issuers of clients' certificates without a revocation list that counts; empty without
    /// lists. Set before the factory returns.
    package private(set) var revocationWarnings: [RevocationWarning] = []
    /// Kept alive for the ALPN callback, which holds a bare pointer to it.
    private let applicationProtocols: ApplicationProtocols
    /// Which role connections of this context have.
    let isServer: Bool

    private init(
        isServer: Bool,
        minimum: TLSVersion,
        alpn: [String],
        files: FileTrust
    ) throws(TLSError) {
        OpenSSLErrorQueue.clear()
        let method = unsafe isServer ? TLS_server_method() : TLS_client_method()
        guard let raw = unsafe SSL_CTX_new(method) else {
            throw TLSError(.internalFailure, "SSL_CTX_new: \(OpenSSLErrorQueue.drainReason())")
        }
        unsafe self.raw = raw
        self.files = files
        self.isServer = isServer
        do {
            applicationProtocols = try ApplicationProtocols(alpn)
        } catch {
            unsafe SSL_CTX_free(raw)
            throw error
        }
        try configure(minimum: minimum)
        try configureApplicationProtocols()
    }

    deinit {
        unsafe SSL_CTX_free(raw)
    }

    /// A server's context. Clients are asked for a certificate and need not have one; one that
    /// does not pass (another authority, expired, not for clients) fails the handshake.
    ///
    /// - Parameters:
    ///   - certificatePath: PEM, the server's certificate first, then those above it.
    ///   - keyPath: PEM, unencrypted, mode 0400 or 0600.
    ///   - clientAuthorityPath: PEM, the authority of clients; `nil` asks for no certificate.
    ///   - revocationListPath: PEM, revocation lists; with it, each certificate of a client's
    ///     chain needs a list of its issuer that is in its time, and must not be on it.
    ///   - minimum: the lowest version accepted.
    ///   - alpn: protocols in order of preference. A client that offers others only gets a fatal
    ///     alert; one that offers none is accepted.
    ///   - files: the rules by which the files are used or refused.
    /// - Throws: `file`, `permissions`, `key`, `certificate`, `expired`.
    package static func server(
        certificatePath: String,
        keyPath: String,
        clientAuthorityPath: String?,
        revocationListPath: String? = nil,
        minimum: TLSVersion = .v1_3,
        alpn: [String] = [],
        files: FileTrust = .strict
    ) throws(TLSError) -> TLSContext {
        let context = try TLSContext(isServer: true, minimum: minimum, alpn: alpn, files: files)
        try context.useIdentity(certificatePath: certificatePath, keyPath: keyPath)
        if let clientAuthorityPath {
            let authorities = try context.trust(authorityPath: clientAuthorityPath)
            if let revocationListPath {
                try context.revoke(listPath: revocationListPath, authorities: authorities)
            }
        } else {
            unsafe SSL_CTX_set_verify(context.raw, SSL_VERIFY_NONE, nil)
        }
        return context
    }

    /// A client's context. The server must have a certificate of the authority that names the
    /// host of the connection's ``TLSRole``.
    ///
    /// - Parameters:
    ///   - authorityPath: PEM, the authority of servers.
    ///   - certificatePath: PEM, the client's certificate; `nil` for an anonymous client.
    ///   - keyPath: PEM, unencrypted, mode 0400 or 0600; given together with the certificate.
    ///   - minimum: the lowest version accepted.
    ///   - alpn: protocols to offer, in order of preference.
    /// - Throws: `file`, `permissions`, `key`, `certificate`, `expired`.
    package static func client(
        authorityPath: String,
        certificatePath: String? = nil,
        keyPath: String? = nil,
        minimum: TLSVersion = .v1_3,
        alpn: [String] = []
    ) throws(TLSError) -> TLSContext {
        let context = try TLSContext(isServer: false, minimum: minimum, alpn: alpn, files: .client)
        switch (certificatePath, keyPath) {
        case (let certificatePath?, let keyPath?):
            try context.useIdentity(certificatePath: certificatePath, keyPath: keyPath)
        case (nil, nil):
            break
        default:
            throw TLSError(.key, "a client's certificate and its key are given together or not")
        }
        _ = try context.trust(authorityPath: authorityPath)
        return context
    }

    /// A new `SSL` of this context, owned by the caller, who keeps the context alive with it.
    func makeRawConnection() throws(TLSError) -> OpaquePointer {
        OpenSSLErrorQueue.clear()
        guard let ssl = unsafe SSL_new(raw) else {
            throw TLSError(.internalFailure, "SSL_new: \(OpenSSLErrorQueue.drainReason())")
        }
        return unsafe ssl
    }
}

// MARK: - Configuration, all of it before `init` or a factory returns

extension TLSContext {
    private static let suites13 =
        "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256"
    private static let ciphers12 = "ECDHE+AESGCM:ECDHE+CHACHA20"
    private static let groups = "X25519:P-256:P-384"

    private func configure(minimum: TLSVersion) throws(TLSError) {
        unsafe SSL_CTX_set_security_level(raw, 2)
        var ok = unsafe shim_SSL_CTX_set_min_proto_version(raw, minimum.openSSLValue) == 1
        ok = unsafe shim_SSL_CTX_set_max_proto_version(raw, TLS1_3_VERSION) == 1 && ok
        ok = unsafe SSL_CTX_set_ciphersuites(raw, Self.suites13) == 1 && ok
        ok = unsafe SSL_CTX_set_cipher_list(raw, Self.ciphers12) == 1 && ok
        ok = unsafe shim_SSL_CTX_set1_groups_list(raw, Self.groups) == 1 && ok
        ok = unsafe SSL_CTX_set_num_tickets(raw, 0) == 1 && ok
        ok = unsafe SSL_CTX_set_max_early_data(raw, 0) == 1 && ok
        ok = unsafe SSL_CTX_set_recv_max_early_data(raw, 0) == 1 && ok
        guard ok else {
            throw TLSError(
                .internalFailure,
                "configuring TLS: \(OpenSSLErrorQueue.drainReason())"
            )
        }
        unsafe SSL_CTX_set_options(
            raw,
            shim_SSL_OP_NO_RENEGOTIATION | shim_SSL_OP_NO_COMPRESSION | shim_SSL_OP_NO_TICKET
        )
        if isServer {
            // The suite is the first of the server's list that the client offers.
            unsafe SSL_CTX_set_options(raw, shim_SSL_OP_CIPHER_SERVER_PREFERENCE)
        }
        _ = unsafe shim_SSL_CTX_set_session_cache_mode(raw, Int(SSL_SESS_CACHE_OFF))
        // An idle connection gives its record buffers back: about 34 KiB.
        _ = unsafe shim_SSL_CTX_set_mode(raw, Int(SSL_MODE_RELEASE_BUFFERS))
        _ = unsafe shim_SSL_CTX_set_max_cert_list(raw, TLSLimits.maxCertificateListBytes)
    }

    private func configureApplicationProtocols() throws(TLSError) {
        let wireForm = applicationProtocols.wireForm
        guard !wireForm.isEmpty else { return }
        if isServer {
            let argument = unsafe Unmanaged.passUnretained(applicationProtocols).toOpaque()
            unsafe SSL_CTX_set_alpn_select_cb(raw, selectApplicationProtocol, argument)
        } else {
            // This one answers 0 for success.
            guard unsafe SSL_CTX_set_alpn_protos(raw, wireForm, UInt32(wireForm.count)) == 0 else {
                throw TLSError(.internalFailure, "ALPN: \(OpenSSLErrorQueue.drainReason())")
            }
        }
    }

    /// Own certificate, chain and key, each checked before it is used.
    private func useIdentity(certificatePath: String, keyPath: String) throws(TLSError) {
        let chain = try PEMFile.certificates(path: certificatePath, trust: files)
        let now = Int64(time(nil))
        for certificate in chain {
            try certificate.checkValidity(at: now, what: certificatePath)
        }
        for (certificate, issuer) in zip(chain, chain.dropFirst()) {
            guard certificate.isIssued(by: issuer) else {
                throw TLSError(
                    .certificate,
                    "\(certificatePath): \"\(certificate.subject)\" is followed by "
                        + "\"\(issuer.subject)\", which is not its issuer"
                )
            }
        }
        let key = try PEMFile.privateKey(path: keyPath, trust: files)
        guard let own = chain.first, try own.matches(key) else {
            throw TLSError(.key, "\(keyPath): not the key of the certificate in \(certificatePath)")
        }
        OpenSSLErrorQueue.clear()
        let usedCertificate = try unsafe own.withPointer { (pointer) throws(TLSError) in
            unsafe SSL_CTX_use_certificate(raw, pointer) == 1
        }
        let usedKey = try unsafe key.withPointer { (pointer) throws(TLSError) in
            unsafe SSL_CTX_use_PrivateKey(raw, pointer) == 1
        }
        var usedChain = true
        for certificate in chain.dropFirst() {
            usedChain =
                try unsafe certificate.withPointer { (pointer) throws(TLSError) in
                    unsafe shim_SSL_CTX_add1_chain_cert(raw, pointer) == 1
                } && usedChain
        }
        guard usedCertificate, usedKey, usedChain else {
            // Mostly security level 2: a key or a digest that is too weak.
            throw TLSError(
                .certificate,
                "\(certificatePath): \(OpenSSLErrorQueue.drainReason())"
            )
        }
    }

    /// Peers are asked for a certificate and checked against the authorities of a file.
    ///
    /// - Returns: the authorities.
    private func trust(authorityPath: String) throws(TLSError) -> [Certificate] {
        let authorities = try PEMFile.certificates(path: authorityPath, trust: files)
        let store = unsafe SSL_CTX_get_cert_store(raw)
        let now = Int64(time(nil))
        OpenSSLErrorQueue.clear()
        for authority in authorities {
            try authority.checkValidity(at: now, what: authorityPath)
            let added = try unsafe authority.withPointer { (pointer) throws(TLSError) in
                // Clients are told whose certificates are of use.
                let named = unsafe !isServer || SSL_CTX_add_client_CA(raw, pointer) == 1
                return unsafe X509_STORE_add_cert(store, pointer) == 1 && named
            }
            guard added else {
                throw TLSError(
                    .certificate,
                    "\(authorityPath): \(OpenSSLErrorQueue.drainReason())"
                )
            }
        }
        let parameters = unsafe SSL_CTX_get0_param(raw)
        let purpose = isServer ? X509_PURPOSE_SSL_CLIENT : X509_PURPOSE_SSL_SERVER
        guard unsafe X509_VERIFY_PARAM_set_flags(parameters, UInt(X509_V_FLAG_X509_STRICT)) == 1,
            unsafe X509_VERIFY_PARAM_set_purpose(parameters, purpose) == 1
        else {
            throw TLSError(.internalFailure, "verify rules: \(OpenSSLErrorQueue.drainReason())")
        }
        unsafe X509_VERIFY_PARAM_set_depth(parameters, Int32(TLSLimits.maxChainDepth))
        // On a server without FAIL_IF_NO_PEER_CERT: asked for, not required.
        unsafe SSL_CTX_set_verify(raw, SSL_VERIFY_PEER, nil)
        return authorities
    }

    /// Each certificate of a peer's chain is looked up in its issuer's revocation list.
    private func revoke(
        listPath: String,
        authorities: [Certificate]
    ) throws(TLSError) {
        let lists = try PEMFile.revocationLists(path: listPath, trust: files)
        let store = unsafe SSL_CTX_get_cert_store(raw)
        OpenSSLErrorQueue.clear()
        for list in lists {
            if let problem = list.incompleteness {
                throw TLSError(
                    .certificate,
                    "\(listPath): \(problem) of \"\(list.issuer)\"; expected a complete list"
                )
            }
            guard try unsafe list.add(toStore: store) else {
                throw TLSError(.certificate, "\(listPath): \(OpenSSLErrorQueue.drainReason())")
            }
        }
        let parameters = unsafe SSL_CTX_get0_param(raw)
        let flags = UInt(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL)
        guard unsafe X509_VERIFY_PARAM_set_flags(parameters, flags) == 1 else {
            throw TLSError(.internalFailure, "verify rules: \(OpenSSLErrorQueue.drainReason())")
        }
        revocationWarnings = try RevocationWarning.all(
            authorities: authorities,
            lists: lists,
            nowUnix: Int64(time(nil))
        )
    }
}
