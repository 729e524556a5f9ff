"""JPEG XL: what a codestream says of itself (ISO/IEC 18181-1), read and rewritten; libjxl codes the samples."""
