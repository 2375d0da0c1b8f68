internal import NIOCore
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
        let response: V1.PredictResponse = try await call(
            "Prediction",
            "Predict",
            request,
            timeout: timeout
        )
        return Prediction(
            version: response.modelVersion,
            requestID: response.requestID,
            outputs: try response.outputs.map(Tensor.init)
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
