import NIOCore

@testable import TLS

/// Two connections back to back, with no socket between them.
struct ConnectionPair {
    let client: TLSConnection
    let server: TLSConnection
    /// The most bytes that one ``TLSConnection/receive(_:)`` gets.
    var chunkBytes = Int.max

    init(client: TLSContext, server: TLSContext, hostname: String = "localhost") throws {
        self.client = try TLSConnection(context: client, role: .client(hostname: hostname))
        self.server = try TLSConnection(context: server, role: .server)
    }

    init(_ authority: TestAuthority, identity: String? = "client") throws {
        try self.init(
            client: authority.clientContext(identity: identity),
            server: authority.serverContext()
        )
    }

    /// Drives both handshakes until neither side has anything to say.
    ///
    /// - Returns: each side's last step.
    func shakeHands() -> (client: Step<Void>, server: Step<Void>) {
        var clientStep = client.handshake()
        var serverStep = Step<Void>.needsInput
        // A handshake has three flights; ten rounds are more than any.
        for _ in 0..<10 {
            serverStep = transfer(client, to: server, from: serverStep)
            clientStep = transfer(server, to: client, from: clientStep)
        }
        return (clientStep, serverStep)
    }

    /// Moves all ciphertext of one side to the other and reads there.
    func read(
        from sender: TLSConnection,
        at receiver: TLSConnection
    ) -> (bytes: ByteBuffer, end: Step<ReadEnd>) {
        var plaintext = ByteBuffer()
        var end = Step<ReadEnd>.needsInput
        for piece in pieces(sender.takeOutbound()) {
            receiver.receive(piece)
            end = receiver.read(into: &plaintext)
        }
        return (plaintext, end)
    }

    private func transfer(
        _ sender: TLSConnection,
        to receiver: TLSConnection,
        from step: Step<Void>
    ) -> Step<Void> {
        var step = step
        for piece in pieces(sender.takeOutbound()) {
            receiver.receive(piece)
            if case .needsInput = step { step = receiver.handshake() }
        }
        return step
    }

    private func pieces(_ bytes: ByteBuffer?) -> [ByteBuffer] {
        guard var rest = bytes else { return [] }
        var pieces: [ByteBuffer] = []
        while let piece = rest.readSlice(length: min(chunkBytes, rest.readableBytes)),
            piece.readableBytes > 0
        {
            pieces.append(piece)
        }
        return pieces
    }
}

extension Step {
    var isDone: Bool {
        if case .done = self { true } else { false }
    }

    var error: TLSError? {
        if case .failed(let error) = self { error } else { nil }
    }
}
