"""What the errors of a folder mean, and which of them waiting cannot mend."""

import errno

MEANINGS = {
    errno.ENOSPC: "no space is left on its disk; make room there",
    errno.EDQUOT: "the quota of its disk is used up; delete something there",
    errno.EROFS: "it is read-only; make it writable",
    errno.EACCES: "permission is denied; change the permissions",
    errno.EPERM: "permission is denied; change the permissions",
    errno.EFBIG: "a file would be larger than this process may write; raise the limit (`ulimit -f`)",
    errno.ENOTDIR: "it is a file, or lies below one; move the file away",
    errno.EEXIST: "a file is where a folder should be; move the file away",
    errno.EISDIR: "a folder is where a file should be; move the folder away",
    errno.ELOOP: "it is a link that leads in a circle; mend the link",
    errno.ENAMETOOLONG: "its name is too long for the file system; shorten it",
}


def meaning(error: OSError) -> str:
    """Say what is wrong with a folder for good, and what to do; "" for an error that may pass."""
    return MEANINGS.get(error.errno or 0, "")
