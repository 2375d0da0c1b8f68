internal import COpenSSL
internal import NIOCore

/// How far a call came that may need more bytes of the peer.
enum Step<Value> {
    /// Nothing is wrong: more ciphertext is needed.
    case needsInput
    /// Finished.
    case done(Value)
    /// The connection is over. An alert for the peer may be among the outbound bytes.
    case failed(TLSError)
}

/// Why reading stopped, as the value of ``Step/done(_:)``.
enum ReadEnd: Equatable {
    /// The peer sent close_notify: it will send no more, and we still may.
    case closeNotify
    /// As many records were read as were asked for; more may be there.
    case recordLimit
}

/// One TLS connection over byte buffers: no sockets, no event loop, no clock.
///
/// Ciphertext goes in with ``receive(_:)`` and comes out of ``takeOutbound()``; between them
/// ``handshake()``, ``read(into:)``, ``write(_:)`` and ``sendCloseNotify()`` drive the engine.
///
/// A class, because OpenSSL's message callback gets a pointer to it. Not thread-safe: it belongs
/// to one event loop.
@safe final class TLSConnection {
    private let ssl: OpaquePointer
    private let buffers = BufferBIO()
    /// Connections outlive a reload of the context, and its ALPN callback needs it.
    private let context: TLSContext
    private let role: TLSRole
    /// Key updates that the peer may still send; below zero the connection ends.
    private var keyUpdateBudget = TLSLimits.maxKeyUpdates
    /// Records sent since the last key update, or since the handshake.
    private(set) var recordsUnderKey = 0
    /// Our own flag: OpenSSL forgets that a handshake was finished when the connection fails.
    private var isHandshakeDone = false
    private var isFailed = false

    /// - Throws: `handshakeFailed` for a host name that cannot be one, and for a role that is not
    ///   the context's.
    init(context: TLSContext, role: TLSRole) throws(TLSError) {
        guard context.isServer == (role == .server) else {
            throw TLSError(.handshakeFailed, "a context of the other role")
        }
        self.context = context
        self.role = role
        unsafe ssl = try context.makeRawConnection()
        // From here on `deinit` frees what was made.
        let bio = try unsafe buffers.makeBIO()
        unsafe SSL_set_bio(ssl, bio, bio)
        unsafe SSL_set_msg_callback(ssl, messageCallback)
        _ = unsafe shim_SSL_set_msg_callback_arg(ssl, Unmanaged.passUnretained(self).toOpaque())
        switch role {
        case .server:
            unsafe SSL_set_accept_state(ssl)
        case .client(let hostname):
            unsafe SSL_set_connect_state(ssl)
            try expect(hostname)
        }
    }

    deinit {
        // Frees the BIO too, which points to `buffers`: that one goes after this body.
        unsafe SSL_free(ssl)
    }

    // MARK: Bytes of the network

    /// Adds ciphertext that was received.
    func receive(_ bytes: ByteBuffer) {
        buffers.receive(bytes)
    }

    /// Drops ciphertext that was received and will not be read.
    func discardInbound() {
        buffers.discardInbound()
    }

    /// All ciphertext made since the last call; nil if there is none.
    func takeOutbound() -> ByteBuffer? {
        buffers.takeOutbound()
    }

    /// Whether ``takeOutbound()`` has something to give.
    var hasOutbound: Bool { buffers.hasOutbound }

    // MARK: The engine

    /// Goes on with the handshake. Call it first on a client, and after each ``receive(_:)``.
    func handshake() -> Step<Void> {
        guard !isFailed else { return .failed(afterFailure) }
        OpenSSLErrorQueue.clear()
        let result = unsafe SSL_do_handshake(ssl)
        guard result != 1 else {
            isHandshakeDone = true
            return .done(())
        }
        return step(after: result, doing: "handshake")
    }

    /// Decrypts all that was received and appends it to `plaintext`.
    ///
    /// - Parameter maxRecords: records with plaintext that are read at most.
    /// - Returns: `needsInput` when everything is read; `done` after the peer's close_notify, or at
    ///   the limit with more to read. In every case, failure included, `plaintext` holds what came
    ///   before.
    func read(into plaintext: inout ByteBuffer, maxRecords: Int = .max) -> Step<ReadEnd> {
        guard !isFailed else { return .failed(afterFailure) }
        var records = 0
        while true {
            OpenSSLErrorQueue.clear()
            var count = 0
            var result: Int32 = 0
            // Plaintext is never longer than its ciphertext, so this is mostly one allocation.
            // The floor covers a record whose first part the engine took in an earlier call.
            let room = max(
                buffers.inboundBytes + Int(unsafe SSL_pending(ssl)),
                Self.minimumReadBytes
            )
            unsafe plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { space in
                result = unsafe SSL_read_ex(ssl, space.baseAddress, space.count, &count)
                return result == 1 ? count : 0
            }
            guard result != 1 else {
                // What the engine has seen and not handed out would show here.
                if buffers.inboundBytes == 0, unsafe SSL_has_pending(ssl) == 0 {
                    return .needsInput
                }
                records += 1
                if records >= maxRecords { return .done(.recordLimit) }
                continue
            }
            if unsafe SSL_get_error(ssl, result) == SSL_ERROR_ZERO_RETURN {
                return .done(.closeNotify)
            }
            return step(after: result, doing: "read")
        }
    }

    /// Encrypts `plaintext`, all of it, into records of up to 16 KiB.
    func write(_ plaintext: ByteBuffer) throws(TLSError) {
        guard !isFailed else { throw afterFailure }
        // OpenSSL leaves undefined what a write of nothing does.
        guard plaintext.readableBytes > 0 else { return }
        let records = plaintext.readableBytes / Self.recordBytes + 1
        recordsUnderKey += records
        if recordsUnderKey >= TLSLimits.maxRecordsPerKey { try updateKey() }
        OpenSSLErrorQueue.clear()
        buffers.reserveOutbound(plaintext.readableBytes + records * Self.recordOverheadBytes)
        var written = 0
        let result = unsafe plaintext.withUnsafeReadableBytes { bytes in
            unsafe SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &written)
        }
        // The BIO takes everything and renegotiation is off: a write never has to wait.
        guard result == 1 else {
            switch step(after: result, doing: "write") as Step<Void> {
            case .failed(let error): throw error
            case .needsInput, .done:
                throw TLSError(.protocolViolation, "a write that waits for the peer")
            }
        }
    }

    /// Makes the next record the first under a new key; on TLS 1.2 it does nothing.
    func updateKey() throws(TLSError) {
        recordsUnderKey = 0
        guard version == .v1_3 else { return }
        OpenSSLErrorQueue.clear()
        guard unsafe SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) == 1 else {
            throw TLSError(.internalFailure, "key update: \(OpenSSLErrorQueue.drainReason())")
        }
    }

    /// Says that we will send no more. The peer may go on sending.
    func sendCloseNotify() throws(TLSError) {
        guard !isFailed, isHandshakeDone else { return }
        OpenSSLErrorQueue.clear()
        // 0: sent, the peer's has not come; 1: both. Sending again does nothing.
        guard unsafe SSL_shutdown(ssl) < 0 else { return }
        if case .failed(let error) = step(after: -1, doing: "close") as Step<Void> { throw error }
    }

    /// Lets the peer send as many key updates as at the start.
    func refillKeyUpdateBudget() {
        keyUpdateBudget = TLSLimits.maxKeyUpdates
    }

    // MARK: What was agreed

    /// The peer's certificate, verified; nil before the handshake ended and when there is none.
    func peerCertificate() throws(TLSError) -> PeerCertificate? {
        guard isHandshakeDone,
            let raw = unsafe SSL_get1_peer_certificate(ssl)
        else { return nil }
        return try PeerCertificate(unsafe Certificate(adopting: raw))
    }

    /// The protocol that ALPN settled on.
    var applicationProtocol: String? {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &name, &count)
        guard let name = unsafe name, count > 0 else { return nil }
        return unsafe String(
            decoding: UnsafeBufferPointer(start: name, count: Int(count)),
            as: UTF8.self
        )
    }

    /// The version in use, once the handshake ended.
    var version: TLSVersion {
        unsafe SSL_version(ssl) == TLS1_3_VERSION ? .v1_3 : .v1_2
    }

    // MARK: Private

    private static let minimumReadBytes = 512
    private static let recordBytes = 16 * 1024
    /// Header 5, inner type 1, tag 16; TLS 1.2 has 8 more for its nonce and no inner type.
    private static let recordOverheadBytes = 32

    private var afterFailure: TLSError {
        TLSError(.internalFailure, "a call after the connection failed")
    }

    /// The server must have a certificate for this name or address.
    private func expect(_ hostname: String) throws(TLSError) {
        OpenSSLErrorQueue.clear()
        let parameters = unsafe SSL_get0_param(ssl)
        if let address = IPAddressText.bytes(of: hostname) {
            guard unsafe X509_VERIFY_PARAM_set1_ip(parameters, address, address.count) == 1 else {
                throw TLSError(.internalFailure, "no memory for an address")
            }
            return
        }
        guard (1...TLSLimits.maxNameBytes).contains(hostname.utf8.count),
            hostname.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else {
            throw TLSError(.handshakeFailed, "a host name must be 1 to 253 bytes of ASCII")
        }
        unsafe X509_VERIFY_PARAM_set_hostflags(
            parameters,
            UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)
        )
        guard unsafe SSL_set1_host(ssl, hostname) == 1,
            unsafe shim_SSL_set_tlsext_host_name(ssl, hostname) == 1
        else {
            throw TLSError(.handshakeFailed, "\"\(hostname)\" cannot be a server's name")
        }
    }

    private func step<Value>(after result: Int32, doing what: String) -> Step<Value> {
        let error = unsafe SSL_get_error(ssl, result)
        if error == SSL_ERROR_WANT_READ { return .needsInput }
        isFailed = true
        let entry = OpenSSLErrorQueue.drain()
        return .failed(describe(error: error, entry: entry, doing: what))
    }

    private func describe(
        error: Int32,
        entry: OpenSSLErrorQueue.Entry?,
        doing what: String
    ) -> TLSError {
        if keyUpdateBudget < 0 {
            return TLSError(.flood, "over \(TLSLimits.maxKeyUpdates) key updates in a minute")
        }
        guard let entry else { return TLSError(.protocolViolation, "\(what): SSL error \(error)") }
        if entry.alert != nil {
            return TLSError(.peerAlert, "the peer refused: \(entry.reason)")
        }
        if entry.isFromSSL, entry.code == SSL_R_CERTIFICATE_VERIFY_FAILED {
            let verdict = unsafe SSL_get_verify_result(ssl)
            let text = unsafe String(cString: X509_verify_cert_error_string(verdict))
            return TLSError(.untrustedPeer, "the peer's certificate: \(text)")
        }
        return TLSError(isHandshakeDone ? .protocolViolation : .handshakeFailed, entry.reason)
    }

    /// Called for each handshake message that was received.
    fileprivate func noteKeyUpdate() {
        keyUpdateBudget -= 1
        if keyUpdateBudget < 0 { buffers.isRefusing = true }
    }
}

/// Sees every message of a connection, and counts the key updates that the peer sends.
private func messageCallback(
    _ isWrite: Int32,
    _: Int32,
    _ contentType: Int32,
    _ message: UnsafeRawPointer?,
    _ count: Int,
    _: OpaquePointer?,
    _ argument: UnsafeMutableRawPointer?
) {
    guard isWrite == 0, contentType == SSL3_RT_HANDSHAKE, count > 0,
        let message = unsafe message, let argument = unsafe argument,
        unsafe message.loadUnaligned(as: UInt8.self) == UInt8(SSL3_MT_KEY_UPDATE)
    else { return }
    unsafe Unmanaged<TLSConnection>.fromOpaque(argument).takeUnretainedValue().noteKeyUpdate()
}
