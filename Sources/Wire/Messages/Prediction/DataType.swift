extension V1 {
    /// Element types. Numbers and meaning follow the Open Inference Protocol.
    ///
    /// Open: a value that this version does not know keeps its number.
    package struct DataType: RawRepresentable, Sendable, Hashable {
        package let rawValue: Int32

        package init(rawValue: Int32) {
            self.rawValue = rawValue
        }

        package static let unspecified = DataType(rawValue: 0)
        package static let bool = DataType(rawValue: 1)
        package static let uint8 = DataType(rawValue: 2)
        package static let uint16 = DataType(rawValue: 3)
        package static let uint32 = DataType(rawValue: 4)
        package static let uint64 = DataType(rawValue: 5)
        package static let int8 = DataType(rawValue: 6)
        package static let int16 = DataType(rawValue: 7)
        package static let int32 = DataType(rawValue: 8)
        package static let int64 = DataType(rawValue: 9)
        package static let fp16 = DataType(rawValue: 10)
        package static let fp32 = DataType(rawValue: 11)
        package static let fp64 = DataType(rawValue: 12)
        /// Each element: uint32 little-endian length, then that many bytes.
        package static let bytes = DataType(rawValue: 13)
        package static let bf16 = DataType(rawValue: 14)
    }
}
