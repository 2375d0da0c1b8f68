package import NIOCore
internal import Synchronization
internal import Text
package import Wire

/// What a model answered.
public struct Prediction: Sendable {
    /// The version that really answered.
    public let version: UInt64
    /// The request's id: the caller's own, or the one that the server made.
    public let requestID: String
    /// The outputs that were asked for.
    public let outputs: [Tensor]
}

/// Which version is asked.
public enum VersionSelector: Sendable, Equatable {
    case alias(String)
    case version(UInt64)
}

extension StrongroomClient {
    /// Asks a model.
    /// - Parameters:
    ///   - outputs: the names of those wanted; empty: all.
    ///   - requestID: 1 to 128 printable ASCII characters; empty: the server makes one.
    /// - Throws: ``StrongroomError``.
    public func predict(
        model: String,
        selector: VersionSelector = .alias("live"),
        inputs: [Tensor],
        outputs: [String] = [],
        requestID: String = "",
        timeout: Duration = .seconds(60)
    ) async throws -> Prediction {
        let request = V1.PredictRequest(
            model: V1.ModelSpec(name: model, selector: selector.message),
            requestID: requestID,
            outputNames: outputs.map { ExactString($0) },
            inputs: inputs.map(V1.Tensor.init)
        )
        let response = try await predict(request, timeout: timeout)
        return Prediction(
            version: response.modelVersion,
            requestID: response.requestID,
            outputs: try response.outputs.map(Tensor.init)
        )
    }
}

extension StrongroomClient {
    /// The size of a request that every server accepts, in bytes; the server is asked before one
    /// that is larger.
    private static let acceptedBytes: UInt64 = 512

    /// Describes the model of a request, and notes the sizes of messages that the server states.
    package func describe(_ model: V1.ModelSpec?) async throws -> V1.GetModelResponse {
        let described: V1.GetModelResponse = try await call(
            "Prediction",
            "GetModel",
            V1.GetModelRequest(model: model),
            timeout: Timeouts.load
        )
        if let stated = described.limits { limits.withLock { $0 = stated } }
        return described
    }

    /// Asks a model. A request that is larger than the server accepts is not sent.
    /// - Throws: ``StrongroomError``, `RESOURCE_EXHAUSTED` for a request that is too large.
    package func predict(
        _ request: V1.PredictRequest,
        timeout: Duration = Timeouts.call
    ) async throws -> V1.PredictResponse {
        let payload = try await checkSize(of: request)
        return try await call("Prediction", "Predict", payload: payload, timeout: timeout)
    }

    /// Refuses a request that is larger than the server accepts.
    /// - Returns: The encoded request.
    @discardableResult
    package func checkSize(of request: V1.PredictRequest) async throws -> ByteBuffer {
        var payload = ByteBuffer()
        request.encode(into: &payload)
        let byteCount = UInt64(payload.readableBytes)
        guard byteCount > Self.acceptedBytes else { return payload }
        var known = limits.withLock { $0 }
        if known == nil { known = try await describe(request.model).limits }
        guard let known, known.requestBytes > 0, byteCount > known.requestBytes else {
            return payload
        }
        throw StrongroomError(
            .resourceExhausted,
            "the request has \(byteCount) bytes, the server accepts \(known.requestBytes)"
        )
    }
}

extension VersionSelector {
    package var message: V1.ModelSpec.Selector {
        switch self {
        case .alias(let name): .alias(name)
        case .version(let number): .version(number)
        }
    }
}

extension V1.Tensor {
    init(_ tensor: Tensor) {
        self.init(
            name: ExactString(tensor.name),
            dataType: V1.DataType(rawValue: tensor.dataType.rawValue),
            shape: tensor.shape,
            data: ByteBuffer(bytes: tensor.data)
        )
    }
}

extension Tensor {
    init(_ message: V1.Tensor) throws {
        guard let dataType = DataType(rawValue: message.dataType.rawValue) else {
            throw StrongroomError(
                .internalError,
                "output \(quoted(message.name)) has the unknown data type "
                    + "\(message.dataType.rawValue)"
            )
        }
        self.init(
            name: message.name.text,
            dataType: dataType,
            shape: message.shape,
            data: Array(message.data.readableBytesView)
        )
    }
}
