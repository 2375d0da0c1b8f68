package import NIOCore
package import Text

extension V1 {
    /// A dense tensor: row-major, little-endian, no padding.
    package struct Tensor: WireMessage, Equatable {
        /// The tensor's name.
        package var name: ExactString
        /// The type of the elements.
        package var dataType: DataType
        /// One number for each dimension.
        package var shape: [Int64]
        /// The elements; as received, a slice of the frame. For `bytes`, each element is its
        /// length in four bytes, little-endian, and then itself.
        package var data: ByteBuffer

        package init(
            name: ExactString = "",
            dataType: DataType = .unspecified,
            shape: [Int64] = [],
            data: ByteBuffer = ByteBuffer()
        ) {
            self.name = name
            self.dataType = dataType
            self.shape = shape
            self.data = data
        }
    }
}

extension V1.Tensor: ScannedMessage {
    static let schema = MessageSchema.tensor

    init() {
        self.init(name: "")
    }

    mutating func read(_ fields: inout ScannedFields) throws(ProtoFault) {
        while let number = try fields.next() {
            switch number {
            case 1: name = ExactString(try fields.string())
            case 2: dataType = V1.DataType(rawValue: try fields.int32())
            case 3: try fields.append(to: &shape)
            case 15: data = try fields.slice()
            default: break
            }
        }
    }

    func write(to writer: inout ProtoWriter) {
        V1.LentTensor(name: name, dataType: dataType, shape: shape, data: data).write(to: &writer)
    }
}
