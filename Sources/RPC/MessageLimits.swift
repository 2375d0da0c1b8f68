internal import NIOCore
internal import Wire

/// The largest messages of one method's calls, in encoded bytes: what a frame takes, less the
/// envelope around the message.
package struct MessageLimits: Sendable, Equatable {
    /// Of a request that the server accepts.
    package let requestBytes: Int
    /// Of a reply that the server sends.
    package let replyBytes: Int
}

extension RPCLimits {
    /// The longest frame data of a reply to a call: as much as its metadata allows, or else
    /// ``maxSendBytes``.
    package func replyFrameBytes(to call: Call) -> Int {
        guard !call.metadata.isEmpty,
            let value = call.metadataValue(Self.receiveLimitKey).flatMap({ Int($0) }), value > 0
        else { return maxSendBytes }
        return min(value, Self.frameCeilingBytes)
    }

    /// The largest messages of calls of a method that have the metadata of `call` and any timeout.
    ///
    /// - Parameters:
    ///   - method: The method's name, without that of its service.
    ///   - call: A call of the same service.
    package func messages(of method: String, as call: Call) -> MessageLimits {
        let envelope = RequestEnvelope(
            service: call.method.service,
            method: method,
            payload: nil,
            timeoutNano: .max,
            metadata: call.metadata
        )
        return MessageLimits(
            requestBytes: envelope.payloadBytes(inFrameOf: maxReceiveBytes),
            replyBytes: ResponseEnvelope.payloadBytes(inFrameOf: replyFrameBytes(to: call))
        )
    }
}
