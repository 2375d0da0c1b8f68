/// What follows from a shape.
package enum TensorShape {
    /// How many elements a tensor of that shape has.
    ///
    /// - Parameter shape: The dimensions; empty for a scalar, which has one element.
    /// - Returns: The product of the dimensions; nil if one is negative, or if the product of those
    ///   that are not 0 passes ``EngineLimits/maxElements``.
    package static func elementCount(_ shape: [Int64]) -> Int? {
        var product: Int64 = 1
        var isEmpty = false
        for size in shape {
            guard size >= 0 else { return nil }
            if size == 0 {
                isEmpty = true
                continue
            }
            let (next, overflow) = product.multipliedReportingOverflow(by: size)
            guard !overflow, next <= EngineLimits.maxElements else { return nil }
            product = next
        }
        return isEmpty ? 0 : Int(product)
    }
}
