import NIOCore

@testable import Wire

/// Every message type of the protocol, for tests that hold for all of them.
enum MessageCatalogue {
    /// A message type with what the tests do with it.
    struct Entry: Sendable {
        let schema: MessageSchema
        /// Decodes, and encodes again.
        let recode: @Sendable (ByteBuffer) throws -> ByteBuffer
        /// Whether two encodings decode to equal values.
        let areEqual: @Sendable (ByteBuffer, ByteBuffer) throws -> Bool
    }

    private static func entry<Message: WireMessage & Equatable>(
        _ type: Message.Type,
        _ schema: MessageSchema
    ) -> Entry {
        Entry(
            schema: schema,
            recode: { bytes in
                var output = ByteBuffer()
                try Message(decoding: bytes).encode(into: &output)
                return output
            },
            areEqual: { try Message(decoding: $0) == Message(decoding: $1) }
        )
    }

    private static func tree<Message: TreeMessage & WireMessage & Equatable>(
        _ type: Message.Type
    ) -> Entry {
        entry(type, type.schema)
    }

    private static func scanned<Message: ScannedMessage & WireMessage & Equatable>(
        _ type: Message.Type
    ) -> Entry {
        entry(type, type.schema)
    }

    /// By full name.
    static let all: [String: Entry] = {
        var all: [String: Entry] = [:]
        for entry in health + prediction + registry + maintenance {
            all[entry.schema.name] = entry
        }
        return all
    }()

    private static var health: [Entry] {
        [tree(V1.CheckRequest.self), tree(V1.CheckResponse.self)]
    }

    private static var prediction: [Entry] {
        [
            scanned(V1.Tensor.self), tree(V1.ModelSpec.self), scanned(V1.PredictRequest.self),
            scanned(V1.PredictResponse.self), scanned(V1.Timing.self), scanned(V1.Usage.self),
            tree(V1.TensorSpec.self), tree(V1.GetModelRequest.self),
            tree(V1.GetModelResponse.self), tree(V1.CancelRequest.self),
            tree(V1.CancelResponse.self), tree(V1.Limits.self),
        ]
    }

    private static var registry: [Entry] {
        [
            tree(V1.File.self), tree(V1.Version.self), tree(V1.Replica.self),
            tree(V1.BeginPublishRequest.self), tree(V1.BeginPublishResponse.self),
            scanned(V1.UploadChunkRequest.self), tree(V1.UploadChunkResponse.self),
            tree(V1.GetUploadRequest.self), tree(V1.GetUploadResponse.self),
            tree(V1.CommitPublishRequest.self), tree(V1.CommitPublishResponse.self),
            tree(V1.AbortPublishRequest.self), tree(V1.AbortPublishResponse.self),
            tree(V1.ListModelsRequest.self), tree(V1.ListModelsResponse.self),
            tree(V1.Model.self), tree(V1.Alias.self), tree(V1.ListVersionsRequest.self),
            tree(V1.ListVersionsResponse.self), tree(V1.GetVersionRequest.self),
            tree(V1.GetVersionResponse.self), tree(V1.ReadFileRequest.self),
            scanned(V1.ReadFileResponse.self), tree(V1.SetAliasRequest.self),
            tree(V1.SetAliasResponse.self), tree(V1.RollbackRequest.self),
            tree(V1.RollbackResponse.self), tree(V1.DeleteAliasRequest.self),
            tree(V1.DeleteAliasResponse.self), tree(V1.ListAliasHistoryRequest.self),
            tree(V1.ListAliasHistoryResponse.self), tree(V1.AliasMove.self),
            tree(V1.DeleteVersionRequest.self), tree(V1.DeleteVersionResponse.self),
            tree(V1.ValidateVersionRequest.self), tree(V1.ValidateVersionResponse.self),
            tree(V1.ListAuditEventsRequest.self), tree(V1.ListAuditEventsResponse.self),
            tree(V1.AuditEvent.self),
        ]
    }

    private static var maintenance: [Entry] {
        [
            tree(V1.CollectRequest.self), tree(V1.CollectResponse.self),
            tree(V1.RotateKeysRequest.self), tree(V1.RotateKeysResponse.self),
        ]
    }
}
