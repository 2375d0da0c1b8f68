package import Text

extension V1 {
    /// A ``Tensor`` for sending, whose bytes stay with their owner until they are written.
    package struct LentTensor: Sendable {
        package var name: ExactString
        package var dataType: DataType
        /// One number for each dimension.
        package var shape: [Int64]
        /// The elements, laid out as in ``Tensor/data``.
        package var data: any LentBytes

        package init(name: ExactString, dataType: DataType, shape: [Int64], data: any LentBytes) {
            self.name = name
            self.dataType = dataType
            self.shape = shape
            self.data = data
        }
    }
}

extension V1.LentTensor: EncodableMessage {
    func write(to writer: inout ProtoWriter) {
        writer.string(1, name.text)
        writer.int32(2, dataType.rawValue)
        writer.packed(3, shape)
        // The highest number on purpose: written last, it can be used in place.
        writer.bytes(15, lending: data)
    }
}
