;;; lace-mode.el --- Lace, a language for recipes of images  -*- lexical-binding: t; -*-

;; Package-Requires: ((emacs "28.1") (eglot "1.9"))
;; Load this file, open a .lace file, and M-x eglot.  In Emacs 29 and later eglot is built in; before, install it as a package.

;;; Code:

(defvar lace-command '("lacec" "lsp" "--stdio")
  "The language server and its words.")

(defvar lace-mode-syntax-table
  (let ((table (make-syntax-table)))
    (modify-syntax-entry ?/ ". 124" table)
    (modify-syntax-entry ?* ". 23b" table)
    (modify-syntax-entry ?\n ">" table)
    (modify-syntax-entry ?\" "\"" table)
    (modify-syntax-entry ?' "\"" table)
    (modify-syntax-entry ?_ "w" table)
    table))

(defvar lace-font-lock-keywords
  `((,(concat "^\\s-*"
              (regexp-opt '("lace" "import" "model" "input" "attribute" "let" "energy" "sample"
                            "edit" "traverse" "sweep" "expect" "save")
                          'symbols))
     . font-lock-keyword-face)
    (,(regexp-opt '("and" "or" "not" "xor" "implies" "iff" "is" "in") 'symbols) . font-lock-builtin-face)))

;;;###autoload
(define-derived-mode lace-mode prog-mode "Lace"
  "Major mode for scripts in Lace."
  (setq-local comment-start "// ")
  (setq-local comment-end "")
  (setq-local indent-tabs-mode nil)
  (setq-local font-lock-defaults '(lace-font-lock-keywords)))

;;;###autoload
(add-to-list 'auto-mode-alist '("\\.lace\\'" . lace-mode))

(with-eval-after-load 'eglot
  (add-to-list 'eglot-server-programs `(lace-mode . ,(lambda (&rest _) lace-command))))

(provide 'lace-mode)
;;; lace-mode.el ends here
